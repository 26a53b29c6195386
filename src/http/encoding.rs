//! `Content-Encoding` of a body that is sent: `gzip` and `deflate`, which need no more than a few lines, and no others.
//!
//! A body of a few kilobytes can be unpacked to gigabytes. So it is unpacked piece by piece, and the caller is asked for
//! each piece whether it still fits.

use super::problem::Problem;
use actix_web::{
    HttpRequest,
    http::header::{CONTENT_ENCODING, HeaderMap},
};
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use std::io::{self, Read};

/// Bytes that are unpacked at once.
const PIECE: usize = 64 << 10;

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Not at all.
    Identity,
    /// `gzip`, `x-gzip`.
    Gzip,
    /// `deflate`: zlib's format, as RFC 9110 says.
    Deflate,
}

impl Encoding {
    /// What a request says of its body.
    pub(super) fn of(request: &HttpRequest) -> Result<Self, Problem> {
        Self::named(request.headers())
    }

    fn named(headers: &HeaderMap) -> Result<Self, Problem> {
        let values = headers.get_all(CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?"));
        let mut names = values.flat_map(|value| value.split(',')).map(|name| name.trim().to_ascii_lowercase());
        let first = names.next().unwrap_or_default();
        let encoding = match first.as_str() {
            "" | "identity" => Self::Identity,
            "gzip" | "x-gzip" => Self::Gzip,
            "deflate" => Self::Deflate,
            _ => return Err(Problem::Encoded),
        };
        // Packed twice: nothing that sends webhooks does it.
        if names.next().is_some() { Err(Problem::Encoded) } else { Ok(encoding) }
    }

    /// What unpacks a body; `None` where there is nothing to unpack.
    pub(super) fn unpack(self, packed: &[u8]) -> Option<Unpacking<'_>> {
        Some(Unpacking(match self {
            Self::Identity => return None,
            Self::Gzip => Box::new(MultiGzDecoder::new(packed)),
            Self::Deflate => Box::new(ZlibDecoder::new(packed)),
        }))
    }
}

/// A body that is being unpacked.
pub(super) struct Unpacking<'b>(Box<dyn Read + 'b>);

impl Unpacking<'_> {
    /// The next piece; empty at the end. An error says that the body is not what its header says, or breaks off.
    pub(super) fn next(&mut self) -> io::Result<Vec<u8>> {
        let mut piece = vec![0; PIECE];
        let mut filled = 0;
        while filled < PIECE {
            match self.0.read(&mut piece[filled..])? {
                0 => break,
                read => filled += read,
            }
        }
        piece.truncate(filled);
        Ok(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn named(values: &[&str]) -> Option<Encoding> {
        let request = values.iter().fold(TestRequest::post(), |r, value| r.append_header((CONTENT_ENCODING, *value)));
        Encoding::of(&request.to_http_request()).ok()
    }

    #[test]
    fn gzip_and_deflate_are_known_once_and_nothing_else_is() {
        let known = [(&[][..], Encoding::Identity), (&["identity"], Encoding::Identity), (&["x-gzip"], Encoding::Gzip)];
        for (values, encoding) in known {
            assert_eq!(named(values), Some(encoding), "{values:?}");
        }
        assert_eq!(named(&[" GZip "]), Some(Encoding::Gzip));
        assert_eq!(named(&["deflate"]), Some(Encoding::Deflate));
        for values in [&["br"][..], &["zstd"], &["gzip, gzip"], &["gzip", "deflate"], &["snappy"], &["gzip,"]] {
            assert_eq!(named(values), None, "{values:?}");
        }
    }
}
