//! The version of the MariaDB client library that this process has loaded (not the one that it was built with).
//!
//! A connection tells its server the name and the version of its library, before it logs in. diesel has no call for that, so the
//! library is made to connect to a server that is no more than a greeting, on this host's loopback.

use diesel::{Connection, MysqlConnection};
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    time::{Duration, Instant},
};

/// How long the library may take to connect to this very process.
const GREETING_TIMEOUT: Duration = Duration::from_secs(2);
/// How often the listener looks whether it has come.
const LOOK: Duration = Duration::from_millis(5);
/// More than any library tells of itself.
const LONGEST: usize = 64 << 10;

/// `libmariadb 3.3.20`; `None` when the library does not say.
pub fn name_and_version() -> Option<String> {
    let listener = TcpListener::bind("127.0.0.1:0").ok()?;
    let address = listener.local_addr().ok()?;
    let server = std::thread::Builder::new().name("greeting".to_owned()).spawn(move || introduction(&listener)).ok()?;
    let seconds = GREETING_TIMEOUT.as_secs();
    // Another library than MariaDB's takes the options for the host's name, and never comes.
    let options = format!("host=127.0.0.1;connect_timeout={seconds};ssl-verify-server-cert=0");
    let refused = MysqlConnection::establish(&format!("mysql://version@{options}:{}/version", address.port()));
    drop(refused);
    let said = server.join().ok().flatten()?;
    let version = attribute(&said, "_client_version")?;
    Some(match attribute(&said, "_client_name") {
        Some(name) => format!("{name} {version}"),
        None => version,
    })
}

/// What the library says in answer to a greeting.
fn introduction(listener: &TcpListener) -> Option<Vec<u8>> {
    listener.set_nonblocking(true).ok()?;
    let deadline = Instant::now() + GREETING_TIMEOUT;
    let mut stream = loop {
        match listener.accept() {
            Ok((stream, _)) => break stream,
            Err(_) if Instant::now() < deadline => std::thread::sleep(LOOK),
            Err(_) => return None,
        }
    };
    stream.set_nonblocking(false).ok()?;
    stream.set_read_timeout(Some(GREETING_TIMEOUT)).ok()?;
    stream.write_all(&packet(0, &greeting())).ok()?;
    let answer = read_packet(&mut stream)?;
    // The library waits for the end of its login.
    stream.write_all(&packet(2, b"\xff\x15\x04#28000only the version was asked for")).ok()?;
    Some(answer)
}

/// Protocol 10: no TLS, a login by password, and the wish to know the client's attributes.
fn greeting() -> Vec<u8> {
    const LONG_PASSWORD: u32 = 0x1;
    const CONNECT_WITH_DB: u32 = 0x8;
    const PROTOCOL_41: u32 = 0x200;
    const SECURE_CONNECTION: u32 = 0x8000;
    const PLUGIN_AUTH: u32 = 0x8_0000;
    const CONNECT_ATTRIBUTES: u32 = 0x10_0000;
    const UTF8MB4: u8 = 45;
    const AUTOCOMMIT: u16 = 2;
    let capabilities =
        LONG_PASSWORD | CONNECT_WITH_DB | PROTOCOL_41 | SECURE_CONNECTION | PLUGIN_AUTH | CONNECT_ATTRIBUTES;
    let [low_1, low_2, high_1, high_2] = capabilities.to_le_bytes();
    let mut bytes = Vec::new();
    bytes.push(10);
    bytes.extend_from_slice(b"10.11.0-greeting\0");
    bytes.extend_from_slice(&1_u32.to_le_bytes());
    bytes.extend_from_slice(b"12345678\0");
    bytes.extend_from_slice(&[low_1, low_2, UTF8MB4]);
    bytes.extend_from_slice(&AUTOCOMMIT.to_le_bytes());
    bytes.extend_from_slice(&[high_1, high_2, 21]);
    bytes.extend_from_slice(&[0; 10]);
    bytes.extend_from_slice(b"123456789012\0mysql_native_password\0");
    bytes
}

fn packet(number: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = vec![length[0], length[1], length[2], number];
    bytes.extend_from_slice(payload);
    bytes
}

fn read_packet(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).ok()?;
    let length = usize::try_from(u32::from_le_bytes([head[0], head[1], head[2], 0])).ok()?;
    let mut payload = vec![0; length.min(LONGEST)];
    stream.read_exact(&mut payload).ok()?;
    Some(payload)
}

/// Names and values each have their length before them.
fn attribute(said: &[u8], name: &str) -> Option<String> {
    let key = [&[u8::try_from(name.len()).ok()?], name.as_bytes()].concat();
    let at = said.windows(key.len()).position(|window| window == key)? + key.len();
    let length = usize::from(*said.get(at)?);
    let value = said.get(at + 1..at + 1 + length)?;
    String::from_utf8(value.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_tells_its_name_and_its_version() {
        let said = name_and_version().expect("the library connects to a greeting");
        let (name, version) = said.split_once(' ').expect("two words");
        assert_eq!(name, "libmariadb");
        assert!(version.split('.').count() >= 3 && version.starts_with(|c: char| c.is_ascii_digit()), "{said}");
    }

    #[test]
    fn an_attribute_that_is_cut_off_is_none() {
        assert_eq!(attribute(b"..\x02ab\x03xyz..", "ab").as_deref(), Some("xyz"));
        assert_eq!(attribute(b"..\x02ab\x03xy", "ab"), None);
        assert_eq!(attribute(b"nothing", "ab"), None);
    }
}
