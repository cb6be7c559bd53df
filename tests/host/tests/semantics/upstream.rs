//! A server that gives every request the same answer.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

pub struct Upstream {
    pub url: String,
    connections: Arc<AtomicUsize>,
}

impl Upstream {
    /// Answers with this head, whose lines are separated by `\r\n`, and an empty body.
    pub fn answering(head: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                counter.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || serve(&stream, head));
            }
        });
        Self { url, connections }
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: &TcpStream, head: &str) {
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        if line.is_empty() {
            let answer = format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).expect("the host takes the answer");
        }
    }
}
