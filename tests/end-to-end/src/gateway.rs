//! nginx as the gateway before the service, with the configuration that `deploy/gateway` offers.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use reqwest::{Certificate, Client, Method, RequestBuilder};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::client::client_that_trusts;
use crate::environment::Programs;
use crate::process::Process;
use crate::setup::free_port;

const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);
const NAME: &str = "localhost";

/// Everything of its own in one folder, no daemon, and no other user.
const MAIN: &str = "
daemon off;
master_process off;
pid nginx.pid;
events {}
http {
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include orders.conf;
}
";

pub struct Gateway {
    client: Client,
    url: String,
    nginx: Process,
    // Held for its life's sake; it outlives nginx.
    _folder: TempDir,
}

impl Gateway {
    /// A gateway to the service at this `host:port`.
    pub async fn before(service: &str) -> Gateway {
        start(service).await.unwrap_or_else(|error| panic!("{error:#}"))
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub fn port(&self) -> u16 {
        self.url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("the URL ends with a port")
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.nginx.output()
    }
}

async fn start(service: &str) -> Result<Gateway> {
    let program: PathBuf = std::env::var_os("NGINX").map(PathBuf::from).context(
        "the gateway tests need nginx (`apt-get install nginx-light` or `brew install nginx`): install it and \
         run `cargo xtask test`",
    )?;
    let (port, folder) = (free_port()?, TempDir::new()?);
    let certificate = write_configuration(&folder, service, port)?;
    let log = folder.path().join("nginx.log");
    let configure = |command: &mut Command| {
        command.arg("-p").arg(folder.path()).args(["-e", "stderr", "-c", "nginx.conf"]);
    };
    let mut nginx = Process::start(&program, configure, log)?;
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if nginx.has_ended() || Instant::now() > deadline {
            bail!("nginx did not start, {}", nginx.last_words());
        }
        sleep(POLL).await;
    }
    let url = format!("https://{NAME}:{port}");
    Ok(Gateway { client: client_that_trusts(certificate), url, nginx, _folder: folder })
}

/// Fills in the template as nginx's image does, with a certificate of this gateway's own.
fn write_configuration(folder: &TempDir, service: &str, port: u16) -> Result<Certificate> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([NAME.to_owned()])?;
    let template = Programs::find()?.root.join("deploy/gateway/orders.conf.template");
    let mut text = fs::read_to_string(&template)?;
    for (name, value) in [
        ("LISTEN", format!("127.0.0.1:{port}").as_str()),
        ("SERVER_NAME", NAME),
        ("ORDERS", service),
        ("TLS_CERTIFICATE", "certificate.pem"),
        ("TLS_KEY", "key.pem"),
    ] {
        text = text.replace(&format!("${{{name}}}"), value);
    }
    for (file, content) in [
        ("nginx.conf", MAIN),
        ("orders.conf", text.as_str()),
        ("certificate.pem", cert.pem().as_str()),
        ("key.pem", signing_key.serialize_pem().as_str()),
    ] {
        fs::write(folder.path().join(file), content)?;
    }
    Ok(Certificate::from_pem(cert.pem().as_bytes())?)
}

/// A service that keeps the head of the one request it gets, and answers it with nothing.
pub struct Recorder(TcpListener);

impl Recorder {
    pub fn listen() -> Recorder {
        Recorder(TcpListener::bind("127.0.0.1:0").expect("a port is free"))
    }

    pub fn address(&self) -> String {
        self.0.local_addr().expect("it listens").to_string()
    }

    /// The head's lines, in small letters.
    pub async fn head(self) -> Vec<String> {
        let head = tokio::task::spawn_blocking(move || self.receive()).await.expect("it doesn't panic");
        head.expect("a request comes").lines().map(str::to_lowercase).collect()
    }

    fn receive(self) -> std::io::Result<String> {
        use std::io::{BufRead, BufReader, Write};

        let (stream, _) = self.0.accept()?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let (mut head, mut reader) = (String::new(), BufReader::new(&stream));
        while reader.read_line(&mut head)? > 2 {}
        (&stream).write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?;
        Ok(head)
    }
}
