//! TLS: which certificates are trusted, and plain sentences for what is wrong with one. Certificates that the environment
//! names are checked before the first request, because a missing file would look like a service that cannot be reached.

use super::failure::ClientError;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use reqwest::Url;
use rustls::CertificateError;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls_platform_verifier::BuilderVerifierExt;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

const FILE: &str = "SSL_CERT_FILE";
const FOLDERS: &str = "SSL_CERT_DIR";

/// The configuration for an address. The system's certificates are read only where TLS is used.
pub(super) fn config(base: &Url) -> Result<rustls::ClientConfig, ClientError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| ClientError::Setup(format!("TLS cannot be set up: {e}")))?;
    if base.scheme() == "http" {
        return Ok(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth());
    }
    check_environment().map_err(ClientError::Certificates)?;
    let builder = builder.with_platform_verifier();
    let builder = builder.map_err(|e| ClientError::Certificates(format!("certificates cannot be checked: {e}")))?;
    Ok(builder.with_no_client_auth())
}

/// Checks that the certificates named by the environment can be read; the error is a sentence for the user.
fn check_environment() -> Result<(), String> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(file) = set(FILE) {
        check_file(Path::new(&file)).map_err(|why| format!("{FILE} names {}, {why}", Path::new(&file).display()))?;
    } else if let Some(folders) = set(FOLDERS)
        && !std::env::split_paths(&folders).any(|folder| folder.is_dir())
    {
        return Err(format!("{FOLDERS} names {}, which is not a folder", Path::new(&folders).display()));
    }
    Ok(())
}

fn check_file(file: &Path) -> Result<(), String> {
    let metadata = std::fs::metadata(file).map_err(|e| format!("which cannot be read: {e}"))?;
    if !metadata.is_file() {
        return Err("which is not a file".to_owned());
    }
    let mut certificates = CertificateDer::pem_file_iter(file).map_err(|e| format!("which cannot be read: {e}"))?;
    match certificates.any(|one| one.is_ok()) {
        true => Ok(()),
        false => Err("which contains no PEM certificate (-----BEGIN CERTIFICATE-----)".to_owned()),
    }
}

/// Describes the TLS error among the causes of an error; `None` where there is none.
pub(super) fn describe_tls_error(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(describe(error));
    }
    // `source()` of an I/O error is the source of the error inside it, so the inner error itself is looked at here.
    let inner = error.downcast_ref::<std::io::Error>().and_then(|io| io.get_ref());
    match inner {
        Some(inner) => describe_tls_error(inner),
        None => error.source().and_then(describe_tls_error),
    }
}

fn describe(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(error) => describe_certificate_error(error),
        rustls::Error::InvalidMessage(_) => "the server does not use TLS; check the address and its port".to_owned(),
        rustls::Error::AlertReceived(alert) => format!("the server ended the TLS handshake ({alert:?})"),
        other => format!("TLS failed: {other}"),
    }
}

fn describe_certificate_error(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => {
            "its certificate is signed by an authority that this machine does not trust; if your \
            company uses a proxy, name the company's certificates with SSL_CERT_FILE"
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
            format!("its certificate is not valid before {}; check the clock of this machine", day(*not_before))
        }
        CertificateError::NotValidForName => "its certificate is for another name; check the address".to_owned(),
        CertificateError::NotValidForNameContext { expected, presented } => {
            let names: Vec<&str> = presented.iter().map(String::as_str).take(3).collect();
            format!("its certificate is for {}, not for {}; check the address", names.join(", "), expected.to_str())
        }
        CertificateError::Revoked => "its certificate was revoked".to_owned(),
        other => format!("its certificate is not trusted: {other}"),
    }
}

fn day(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds)
        .map_or_else(|_| seconds.to_string(), |at| at.to_zoned(TimeZone::UTC).date().to_string())
}
