//! Whose certificates are believed. What the environment names is looked at before anything is asked, since a file that is missed
//! shows as a service that cannot be reached; and what is wrong with a certificate is said in plain words.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustls::CertificateError;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use std::error::Error;
use std::path::Path;

const FILE: &str = "SSL_CERT_FILE";
const FOLDERS: &str = "SSL_CERT_DIR";

/// The certificates that the environment names can be read: a sentence where not.
pub fn named() -> Result<(), String> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(file) = set(FILE) {
        held(Path::new(&file)).map_err(|why| format!("{FILE} names {}, {why}", Path::new(&file).display()))?;
    } else if let Some(folders) = set(FOLDERS)
        && !std::env::split_paths(&folders).any(|folder| folder.is_dir())
    {
        return Err(format!("{FOLDERS} names {}, where no folder is", Path::new(&folders).display()));
    }
    Ok(())
}

fn held(file: &Path) -> Result<(), String> {
    let metadata = std::fs::metadata(file).map_err(|e| format!("which cannot be read: {e}"))?;
    if !metadata.is_file() {
        return Err("which is no file".to_owned());
    }
    let mut certificates = CertificateDer::pem_file_iter(file).map_err(|e| format!("which cannot be read: {e}"))?;
    match certificates.any(|one| one.is_ok()) {
        true => Ok(()),
        false => Err("which holds no certificate as PEM (-----BEGIN CERTIFICATE-----)".to_owned()),
    }
}

/// What TLS has against the other end; `None` where the error is another one.
pub fn fault(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(fault) = error.downcast_ref::<rustls::Error>() {
        return Some(in_words(fault));
    }
    // The source of an I/O error is that of what it wraps, which would be passed over.
    let within = error.downcast_ref::<std::io::Error>().and_then(|io| io.get_ref());
    match within {
        Some(within) => fault(within),
        None => error.source().and_then(fault),
    }
}

fn in_words(fault: &rustls::Error) -> String {
    match fault {
        rustls::Error::InvalidCertificate(fault) => of_certificate(fault),
        rustls::Error::InvalidMessage(_) => {
            "what answers there does not speak TLS; check the address and its port".to_owned()
        }
        rustls::Error::AlertReceived(alert) => format!("the other end ended the TLS handshake ({alert:?})"),
        other => format!("TLS failed: {other}"),
    }
}

fn of_certificate(fault: &CertificateError) -> String {
    match fault {
        CertificateError::UnknownIssuer => {
            "its certificate is signed by nobody whom this machine knows; if a proxy of your \
            company stands between, name the company's certificates with SSL_CERT_FILE"
                .to_owned()
        }
        CertificateError::Expired => {
            "its certificate has expired; check the clock of this machine and the address".to_owned()
        }
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("its certificate expired on {}; check the clock of this machine and the address", day(*not_after))
        }
        CertificateError::NotValidYet => "its certificate is not valid yet; check the clock of this machine".to_owned(),
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("its certificate is valid from {} on; check the clock of this machine", day(*not_before))
        }
        CertificateError::NotValidForName => "its certificate is for another name; check the address".to_owned(),
        CertificateError::NotValidForNameContext { expected, presented } => {
            let names: Vec<&str> = presented.iter().map(String::as_str).take(3).collect();
            format!("its certificate is for {}, not for {}; check the address", names.join(", "), expected.to_str())
        }
        CertificateError::Revoked => "its certificate was revoked".to_owned(),
        other => format!("its certificate cannot be believed: {other}"),
    }
}

fn day(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds)
        .map_or_else(|_| seconds.to_string(), |at| at.to_zoned(TimeZone::UTC).date().to_string())
}
