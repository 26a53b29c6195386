//! The program of its own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it is")]

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

fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_st2-stand-in"));
    program.args(["--listen", "127.0.0.1:0", "--api-key", "own-key"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    program
}

/// Starts it with a pack that is not right; what it says.
fn refused(files: &[(&str, &str)]) -> String {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let output = program().arg("--pack").arg(directory.path()).output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_pack_that_it_cannot_run_is_refused_with_a_reason() {
    let pack = ("pack.yaml", "name: own\nref: own\nversion: 0.1.0");
    assert!(refused(&[]).contains("has no pack.yaml; name the directory of one pack"));
    let http = ("actions/a.yaml", "name: a\nrunner_type: http-request\nentry_point: ''");
    let error = refused(&[pack, http]);
    assert!(error.contains("pack own: actions/a.yaml: the stand-in has no runner \"http-request\"; it has"), "{error}");
    let workflow = ("actions/a.yaml", "name: a\nrunner_type: orquesta\nentry_point: w.yaml");
    assert!(refused(&[pack, workflow]).contains("entry_point \"w.yaml\" is missing"));
    let join = ("actions/w.yaml", "name: w\nrunner_type: noop");
    let body = ("actions/workflows/w.yaml", "tasks: {one: {action: core.noop, join: all}}");
    let named = ("actions/a.yaml", "name: a\nrunner_type: orquesta\nentry_point: workflows/w.yaml");
    let error = refused(&[pack, join, named, body]);
    assert!(error.contains("workflows/w.yaml: one: the stand-in does not interpret `join`"), "{error}");
    let sensor = ("sensors/s.yaml", "class_name: S");
    assert!(refused(&[pack, sensor]).contains("the stand-in has no sensors"));
}

#[test]
fn it_prints_its_urls_and_accepts_its_key() {
    let mut running = Running(program().spawn().unwrap());
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
