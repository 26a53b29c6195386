//! RabbitMQ's version, as it tells it in the first frame of every connection. lapin reads that frame and keeps nothing of it.

use super::url::BrokerUrl;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// How long the broker may take to send its first frame.
const VERSION_TIMEOUT: Duration = Duration::from_secs(5);
/// What opens a connection of AMQP 0-9-1.
const HEADER: &[u8; 8] = b"AMQP\0\0\x09\x01";
/// The member `version` of the server's properties: a short string as its name, then the type of a long string.
const MEMBER: &[u8] = b"\x07versionS";
/// The first frame has well under 1 KiB.
const LONGEST: usize = 16 << 10;

/// The version; `None` over TLS, and where it cannot be read.
pub(super) async fn version(url: &BrokerUrl) -> Option<String> {
    let address = url.plain_address()?;
    tokio::time::timeout(VERSION_TIMEOUT, ask(address)).await.ok()?
}

async fn ask(address: (String, u16)) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.write_all(HEADER).await.ok()?;
    let (mut frame, mut part) = (Vec::new(), [0; 2_048]);
    while frame.len() < LONGEST {
        let length = stream.read(&mut part).await.ok().filter(|length| *length > 0)?;
        frame.extend_from_slice(part.get(..length)?);
        if let Some(version) = in_frame(&frame) {
            return Some(version);
        }
    }
    None
}

fn in_frame(frame: &[u8]) -> Option<String> {
    let at = frame.windows(MEMBER.len()).position(|window| window == MEMBER)? + MEMBER.len();
    let (length, text) = frame.get(at..)?.split_first_chunk::<4>()?;
    let text = text.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_once_it_is_there_whole() {
        let frame = b"\x01\0\0....\x07productS\0\0\0\x08RabbitMQ\x07versionS\0\0\0\x073.10.8\n\x09";
        assert_eq!(in_frame(frame).as_deref(), Some("3.10.8\n"));
        for cut in 0..frame.len() - 1 {
            assert_eq!(in_frame(&frame[..cut]), None);
        }
        assert_eq!(in_frame(b"HTTP/1.1 400 Bad Request\r\n\r\n"), None);
    }
}
