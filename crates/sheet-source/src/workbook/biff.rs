//! What `.xls` (BIFF8) and `.xlsb` (BIFF12) store alike: RK numbers and error codes.

/// An RK number: four bytes. [MS-XLS 2.5.217, MS-XLSB 2.5.122]
pub fn decode_rk(packed: u32) -> f64 {
    const HUNDREDTHS: u32 = 1;
    const WHOLE: u32 = 2;
    let number = match packed & WHOLE {
        0 => f64::from_bits(u64::from(packed & !(HUNDREDTHS | WHOLE)) << 32),
        _ => f64::from(packed.cast_signed() >> 2),
    };
    if packed & HUNDREDTHS == 0 { number } else { number / 100.0 }
}

/// The name of an error by its code. [MS-XLS 2.5.10]
pub fn error_name(code: u8) -> &'static str {
    match code {
        0x00 => "#NULL!",
        0x07 => "#DIV/0!",
        0x0F => "#VALUE!",
        0x17 => "#REF!",
        0x1D => "#NAME?",
        0x24 => "#NUM!",
        0x2A => "#N/A",
        0x2B => "#GETTING_DATA",
        // The name does not matter: no error is a value.
        _ => "#ERROR!",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_numbers_are_whole_or_the_upper_half_of_a_number_or_hundredths() {
        for (packed, number) in [
            (0x0000_0006, 1.0),
            (0xFFFF_FFFE, -1.0),
            (0x0000_0007, 0.01),
            (0x3FF0_0000, 1.0),
            (0x3FF0_0001, 0.01),
            (0x4093_4A00, 1234.5),
            ((1_234_500 << 2) | 3, 12_345.0),
        ] {
            assert_eq!(decode_rk(packed), number, "{packed:#x}");
        }
    }
}
