//! The program of its own.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

/// Ends the program however the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn it_prints_its_urls_and_accepts_its_key() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_st2-stand-in"));
    program.args(["--listen", "127.0.0.1:0", "--api-key", "own-key"]).stdout(Stdio::piped());
    let mut running = Running(program.spawn().unwrap());
    let mut lines = BufReader::new(running.0.stdout.take().unwrap()).lines();
    let url = lines.next().unwrap().unwrap();
    let address = url.strip_prefix("ST2_API_URL=http://").unwrap().strip_suffix("/v1").unwrap();
    let answer = |key: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET /v1/user HTTP/1.1\r\nHost: x\r\nSt2-Api-Key: {key}\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    assert!(answer("own-key").starts_with("HTTP/1.1 200"), "{}", answer("own-key"));
    assert!(answer("another").starts_with("HTTP/1.1 401"), "{}", answer("another"));
    assert!(lines.next().unwrap().unwrap().starts_with("ST2_AUTH_URL="));
}
