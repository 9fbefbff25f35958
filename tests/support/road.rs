//! The road between the program and the sandbox: a proxy that speaks TLS and HTTP as a server far away does. It is slow,
//! its connections end, and it notes when each request reached it.

use super::certificate::Certificate;
use crate::program::{Folder, Service};
use http_body_util::{BodyExt, combinators::BoxBody};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, HOST, HeaderValue, TRANSFER_ENCODING};
use hyper::service::service_fn;
use hyper::{Request, Response, Uri, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::{ServerConfig, SupportedProtocolVersion};
use std::convert::Infallible;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{Notify, mpsc};
use tokio_rustls::TlsAcceptor;

/// How the road is. The default is plain TCP without any delay, whose connections last.
#[derive(Default)]
pub struct Way {
    pub tls: Option<Tls>,
    /// How long a new connection lies before its first byte is looked at.
    pub accept: Duration,
    /// How long each byte is under way, in each direction, and up to how much longer. Bytes keep their order.
    pub one_way: Duration,
    pub jitter: Duration,
    /// A connection ends in order with the answer to so many requests: `Connection: close`, or GOAWAY.
    pub keepalive_requests: Option<usize>,
    /// The requests, counted from 1 over all connections, that are carried out and then not answered: their connection
    /// is reset, and with it whatever else is under way on it.
    pub resets: Vec<usize>,
}

pub struct Tls {
    pub certificate: Certificate,
    /// The only version that is spoken.
    pub version: Option<&'static SupportedProtocolVersion>,
    /// The protocols that are offered, the best one first.
    pub alpn: &'static [&'static str],
}

pub const HTTP_1: &[&str] = &["http/1.1"];
pub const HTTP_2: &[&str] = &["h2", "http/1.1"];

#[derive(Debug, Clone)]
pub struct Arrival {
    pub at: Instant,
    /// Counted from 0, as in `connections`.
    pub connection: usize,
    pub protocol: Version,
    pub method: String,
    pub path: String,
}

pub struct Road {
    url: String,
    authority: PathBuf,
    log: Arc<Log>,
    runtime: Option<Runtime>,
    _folder: tempfile::TempDir,
}

#[derive(Default)]
struct Log {
    arrivals: Mutex<Vec<Arrival>>,
    connections: Mutex<Vec<Instant>>,
}

impl Road {
    pub fn to(service: &Service, way: Way) -> Road {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let authority = folder.path().join("authority.pem");
        let tls = way.tls.as_ref().map(|tls| {
            std::fs::write(&authority, &tls.certificate.authority).expect("a file is written");
            tls.certificate.server(tls.version, tls.alpn)
        });
        let scheme = if tls.is_some() { "https" } else { "http" };
        let service = service.url().trim_start_matches("http://").to_owned();
        let log = Arc::<Log>::default();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let url = format!("{scheme}://{}", listener.local_addr().expect("its address"));
        let (requests, noted) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&log));
        runtime.spawn(async move {
            let way = Arc::new(way);
            while let Ok((stream, _)) = listener.accept().await {
                let number = push(&noted.connections, Instant::now());
                let connection = Connection {
                    number,
                    service: service.clone(),
                    way: Arc::clone(&way),
                    log: Arc::clone(&noted),
                    requests: Arc::clone(&requests),
                    own_requests: AtomicUsize::new(0),
                    last: Notify::new(),
                    reset: Notify::new(),
                };
                tokio::spawn(Arc::new(connection).carry(stream, tls.clone()));
            }
        });
        Road { url, authority, log, runtime: Some(runtime), _folder: folder }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The authority that has signed the certificate of the road, as PEM.
    pub fn authority(&self) -> &Path {
        &self.authority
    }

    /// The program, which takes this road.
    pub fn command(&self, folder: &Folder, service: &Service, args: &[&str]) -> Command {
        let mut command = folder.command(service, &[]);
        command.args(args).args(["--account", self.url()]).env("NO_PROXY", "*");
        if self.url.starts_with("https") {
            command.env("SSL_CERT_FILE", self.authority()).env_remove("SSL_CERT_DIR");
        }
        command
    }

    /// Every request that reached the road, in that order.
    pub fn arrivals(&self) -> Vec<Arrival> {
        self.log.arrivals.lock().expect("no other has panicked").clone()
    }

    /// When each connection was opened.
    pub fn connections(&self) -> Vec<Instant> {
        self.log.connections.lock().expect("no other has panicked").clone()
    }
}

impl Drop for Road {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The place of the new one.
fn push<T>(list: &Mutex<Vec<T>>, item: T) -> usize {
    let mut list = list.lock().expect("no other has panicked");
    list.push(item);
    list.len() - 1
}

struct Connection {
    number: usize,
    service: String,
    way: Arc<Way>,
    log: Arc<Log>,
    /// Of all connections.
    requests: Arc<AtomicUsize>,
    own_requests: AtomicUsize,
    /// The connection takes no more requests.
    last: Notify,
    reset: Notify,
}

impl Connection {
    async fn carry(self: Arc<Connection>, mut stream: TcpStream, tls: Option<Arc<ServerConfig>>) {
        let _ = stream.set_nodelay(true);
        tokio::time::sleep(self.way.accept).await;
        let (near, far) = tokio::io::duplex(1 << 16);
        let (near_read, near_write) = tokio::io::split(near);
        let served = tokio::spawn(Arc::clone(&self).serve(far, tls));
        {
            let (read, write) = stream.split();
            let both = async { tokio::join!(self.pump(read, near_write), self.pump(near_read, write)) };
            tokio::select! {
                _ = both => return,
                () = self.reset.notified() => {}
            }
        }
        served.abort();
        // Closing it says RST, not FIN.
        let _ = stream.set_zero_linger();
    }

    /// Bytes from one end to the other, each as long under way as the road is.
    async fn pump(&self, mut read: impl AsyncRead + Unpin, mut write: impl AsyncWrite + Unpin) {
        let (send, mut sent) = mpsc::unbounded_channel::<(tokio::time::Instant, Bytes)>();
        let reading = async move {
            let mut due = tokio::time::Instant::now();
            let mut buffer = vec![0; 1 << 16];
            while let Ok(length @ 1..) = read.read(&mut buffer).await {
                due = due.max(tokio::time::Instant::now() + self.way.one_way + some_of(self.way.jitter));
                let _ = send.send((due, Bytes::copy_from_slice(&buffer[..length])));
            }
        };
        let writing = async move {
            while let Some((due, bytes)) = sent.recv().await {
                tokio::time::sleep_until(due).await;
                if write.write_all(&bytes).await.is_err() || write.flush().await.is_err() {
                    return;
                }
            }
            let _ = write.shutdown().await;
        };
        tokio::join!(reading, writing);
    }

    async fn serve(self: Arc<Connection>, stream: DuplexStream, tls: Option<Arc<ServerConfig>>) {
        match tls {
            None => self.speak(stream).await,
            Some(config) => {
                // Who does not trust the certificate hangs up.
                if let Ok(stream) = TlsAcceptor::from(config).accept(stream).await {
                    self.speak(stream).await;
                }
            }
        }
    }

    async fn speak(self: Arc<Connection>, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let this = Arc::clone(&self);
        let service = service_fn(move |request| Arc::clone(&this).answer(request));
        let builder = auto::Builder::new(TokioExecutor::new());
        let mut speaking = pin!(builder.serve_connection(TokioIo::new(stream), service));
        tokio::select! {
            _ = speaking.as_mut() => return,
            () = self.last.notified() => speaking.as_mut().graceful_shutdown(),
        }
        let _ = speaking.await;
    }

    async fn answer(
        self: Arc<Connection>,
        request: Request<Incoming>,
    ) -> io::Result<Response<BoxBody<Bytes, hyper::Error>>> {
        let arrival = Arrival {
            at: Instant::now(),
            connection: self.number,
            protocol: request.version(),
            method: request.method().to_string(),
            path: request.uri().path_and_query().map(ToString::to_string).unwrap_or_default(),
        };
        push(&self.log.arrivals, arrival);
        let number = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
        if Some(self.own_requests.fetch_add(1, Ordering::SeqCst) + 1) == self.way.keepalive_requests {
            self.last.notify_one();
        }
        let answer = self.forward(request).await.map_err(io::Error::other)?;
        if self.way.resets.contains(&number) {
            // All of it has come, so the request was carried out.
            let _ = answer.into_body().collect().await;
            self.reset.notify_one();
            match std::future::pending::<Infallible>().await {}
        }
        Ok(answer)
    }

    /// Asks the sandbox, over a connection of its own.
    async fn forward(
        &self,
        mut request: Request<Incoming>,
    ) -> Result<Response<BoxBody<Bytes, hyper::Error>>, Box<dyn std::error::Error + Send + Sync>> {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = path.parse::<Uri>()?;
        *request.version_mut() = Version::HTTP_11;
        request.headers_mut().insert(HOST, HeaderValue::from_str(&self.service)?);
        request.headers_mut().remove(CONNECTION);
        let stream = TcpStream::connect(&self.service).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut answer = sender.send_request(request).await?.map(BodyExt::boxed);
        // These speak of that connection, not of this one.
        answer.headers_mut().remove(CONNECTION);
        answer.headers_mut().remove(TRANSFER_ENCODING);
        *answer.version_mut() = Version::default();
        Ok(answer)
    }
}

/// A chance part of it.
fn some_of(jitter: Duration) -> Duration {
    // Every one of these states has keys of its own.
    let chance = RandomState::new().hash_one(()) >> 32;
    jitter.mul_f64(chance as f64 / f64::from(u32::MAX))
}
