//! Certificates made for a test: good ones and those that a client must refuse.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, SupportedProtocolVersion};
use std::sync::Arc;

/// What is wrong with the certificate of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    Expired,
    NotYetValid,
    WrongName,
    /// Signed by itself, by no authority.
    SelfSigned,
}

/// A certificate of `localhost` and `127.0.0.1` with its key, and the authority that a client has to be told of.
pub struct Certificate {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    /// The authority as PEM, for `SSL_CERT_FILE`.
    pub authority: String,
}

impl Certificate {
    pub fn new(fault: Fault) -> Certificate {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        authority.distinguished_name.push(DnType::CommonName, "An authority of a test");
        let authority_key = KeyPair::generate().expect("a key");
        let own = authority.self_signed(&authority_key).expect("a certificate");
        let issuer = Issuer::new(authority, authority_key);

        let names = match fault {
            Fault::WrongName => vec!["elsewhere.example".to_owned()],
            _ => vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
        };
        let mut server = CertificateParams::new(names).expect("names");
        // Platforms that check it take no certificate of a server for more than some years.
        let (from, until) = match fault {
            Fault::Expired => (2001, 2002),
            Fault::NotYetValid => (2400, 2401),
            _ => (2020, 2400),
        };
        server.not_before = date_time_ymd(from, 1, 1);
        server.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let signed = match fault {
            Fault::SelfSigned => server.self_signed(&key),
            _ => server.signed_by(&key, &issuer),
        };
        let chain = vec![signed.expect("a certificate").der().clone()];
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        Certificate { chain, key, authority: own.pem() }
    }

    /// TLS of a server with this certificate; `None` stands for every version.
    pub fn server(&self, version: Option<&'static SupportedProtocolVersion>, alpn: &[&str]) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = version.map_or(rustls::DEFAULT_VERSIONS.to_vec(), |version| vec![version]);
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .expect("versions of TLS")
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), self.key.clone_key())
            .expect("a certificate with its key");
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }
}
