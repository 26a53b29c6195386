//! The smallest webhook receiver: it keeps what was posted and gives the answer that a test sets.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU16, Ordering},
    },
};

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    /// The request line and the headers.
    pub head: String,
    /// The body.
    pub body: String,
}

#[derive(Debug)]
struct State {
    status: AtomicU16,
    /// The answer repeats what was sent, as pages for debugging do.
    echoes: AtomicBool,
    stopped: AtomicBool,
    received: Mutex<Vec<Received>>,
}

/// A receiver on a free port; stops on drop.
#[derive(Debug)]
pub struct WebhookReceiver {
    address: SocketAddr,
    state: Arc<State>,
}

impl WebhookReceiver {
    /// Starts with the answer 200.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let state =
            State { status: 200.into(), echoes: false.into(), stopped: false.into(), received: Mutex::default() };
        let state = Arc::new(state);
        let serving = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if serving.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let serving = serving.clone();
                // A sender that goes away in the middle is not this test's matter.
                std::thread::spawn(move || drop(serve(&stream, &serving)));
            }
        });
        Self { address, state }
    }

    /// An address to post to.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The status of answers from now on.
    pub fn answer_with(&self, status: u16) {
        self.state.status.store(status, Ordering::SeqCst);
    }

    /// From now on answers have this status, and repeat the request.
    pub fn echo_with(&self, status: u16) {
        self.state.echoes.store(true, Ordering::SeqCst);
        self.answer_with(status);
    }

    /// Everything received so far, oldest first.
    pub fn received(&self) -> Vec<Received> {
        self.state.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for WebhookReceiver {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::SeqCst);
        // Wakes the accept.
        drop(TcpStream::connect(self.address));
    }
}

fn serve(mut stream: &TcpStream, state: &State) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == "\r\n" {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or_default();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or(0);
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = String::from_utf8_lossy(&body).into_owned();
    let echo = if state.echoes.load(Ordering::SeqCst) { format!("{head}{body}") } else { String::new() };
    state.received.lock().unwrap_or_else(PoisonError::into_inner).push(Received { head, body });
    let status = state.status.load(Ordering::SeqCst);
    write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{echo}", echo.len())
}
