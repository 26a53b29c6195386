//! Reading bodies: to the end, within limits of size, time and memory.
//!
//! A body that will be refused is read and discarded all the same: an answer before the end, followed by a close, reaches
//! the sender as a reset connection.

use super::encoding::Encoding;
use crate::bom;
use actix_web::{
    HttpMessage,
    dev::{Payload, ServiceRequest},
    error::PayloadError,
    web::Bytes,
};
use futures_util::{Stream, StreamExt};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_mins(1);
/// What a caller who is turned away may still send, and for how long.
const UNREAD_BYTES: usize = 1 << 20;
const UNREAD_TIMEOUT: Duration = Duration::from_secs(5);
/// Discarded beyond four times the limit before the connection is closed.
const DISCARD_BYTES: usize = 64 << 20;
/// Bodies in memory at most, from the first byte to the answer, all requests together, unless four of the largest are more.
const MEMORY_BYTES: usize = 256 << 20;
/// Bodies above this leave a quarter of that memory to the others: usual webhooks are taken while huge ones arrive slowly.
const SMALL_BYTES: usize = 1 << 20;

/// A body, or why there is none.
pub(super) enum Body<'l> {
    /// All of it, and the memory that it holds until it is dealt with.
    Whole(Vec<u8>, Held<'l>),
    /// Above the limit; `read` when it was read to its end.
    TooLarge { read: bool },
    /// Too many bodies are being read.
    Overloaded,
    /// It is not packed as its Content-Encoding says.
    Corrupt,
    /// The sender stopped, or spoke no HTTP.
    CutOff(PayloadError),
    /// It did not arrive in time.
    Slow,
}

/// Limits, and what of them is in use.
pub(super) struct Limits {
    body_bytes: usize,
    in_memory: AtomicUsize,
}

impl Limits {
    pub(super) fn new(body_bytes: usize) -> Self {
        Self { body_bytes, in_memory: AtomicUsize::new(0) }
    }

    /// The largest body, in bytes.
    pub(super) fn body_bytes(&self) -> usize {
        self.body_bytes
    }

    fn memory(&self) -> usize {
        MEMORY_BYTES.max(self.body_bytes.saturating_mul(4))
    }

    /// Reads a body whole and unpacks it; a byte order mark before it is taken off. The limit holds for what is sent and for
    /// what comes out.
    pub(super) async fn read(
        &self,
        encoding: Encoding,
        mut payload: impl Stream<Item = Result<Bytes, PayloadError>> + Unpin,
    ) -> Body<'_> {
        let read = async {
            match self.read_into(&mut payload).await {
                Body::Whole(body, held) => self.unpack(encoding, body, held).await,
                other => other,
            }
        };
        match tokio::time::timeout(BODY_TIMEOUT, read).await {
            Ok(Body::Whole(mut body, held)) => {
                bom::remove(&mut body);
                Body::Whole(body, held)
            }
            Ok(other) => other,
            Err(_elapsed) => Body::Slow,
        }
    }

    /// Piece by piece, so that a body that grows without end stops at the limit, and other requests have their turn between.
    async fn unpack<'l>(&'l self, encoding: Encoding, packed: Vec<u8>, mut held: Held<'l>) -> Body<'l> {
        let mut body = Vec::new();
        let Some(mut unpacking) = encoding.unpack(&packed) else { return Body::Whole(packed, held) };
        loop {
            let piece = match unpacking.next() {
                Ok(piece) if piece.is_empty() => break,
                Ok(piece) => piece,
                Err(_not_packed_so) => return Body::Corrupt,
            };
            if body.len() + piece.len() > self.body_bytes {
                return Body::TooLarge { read: true };
            }
            if !held.take(piece.len()) {
                return Body::Overloaded;
            }
            body.extend_from_slice(&piece);
            tokio::task::yield_now().await;
        }
        drop(unpacking);
        held.give_back(packed.len());
        Body::Whole(body, held)
    }

    async fn read_into(&self, payload: &mut (impl Stream<Item = Result<Bytes, PayloadError>> + Unpin)) -> Body<'_> {
        let mut held = Held { limits: self, bytes: 0 };
        let mut body = Vec::new();
        while let Some(chunk) = payload.next().await {
            let chunk = match chunk {
                Ok(chunk) => chunk,
                Err(error) => return Body::CutOff(error),
            };
            let too_large = body.len() + chunk.len() > self.body_bytes;
            if too_large || !held.take(chunk.len()) {
                drop(body);
                drop(held);
                let discard = self.body_bytes.saturating_mul(4).saturating_add(DISCARD_BYTES);
                let read = discard_up_to(payload, discard).await;
                return if too_large { Body::TooLarge { read } } else { Body::Overloaded };
            }
            body.extend_from_slice(&chunk);
        }
        Body::Whole(body, held)
    }
}

/// Bytes of the common memory that one body holds.
pub(super) struct Held<'l> {
    limits: &'l Limits,
    bytes: usize,
}

impl Held<'_> {
    fn take(&mut self, bytes: usize) -> bool {
        self.bytes += bytes;
        let most = self.limits.memory();
        let most = if self.bytes > SMALL_BYTES { most - most / 4 } else { most };
        self.limits.in_memory.fetch_add(bytes, Ordering::AcqRel) + bytes <= most
    }

    fn give_back(&mut self, bytes: usize) {
        self.bytes -= bytes;
        self.limits.in_memory.fetch_sub(bytes, Ordering::AcqRel);
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.limits.in_memory.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

/// True when the end was reached.
async fn discard_up_to(
    payload: &mut (impl Stream<Item = Result<Bytes, PayloadError>> + Unpin),
    mut bytes: usize,
) -> bool {
    while let Some(Ok(chunk)) = payload.next().await {
        let Some(left) = bytes.checked_sub(chunk.len()) else { return false };
        bytes = left;
    }
    true
}

/// Reads the body of a request that is turned away, as far as is reasonable.
pub(super) async fn discard_unread(request: &mut ServiceRequest) {
    let mut payload: Payload = request.take_payload();
    if tokio::time::timeout(UNREAD_TIMEOUT, discard_up_to(&mut payload, UNREAD_BYTES)).await.is_err() {
        log::debug!(event = "body_not_drained"; "the body of a refused request did not end in time");
    }
}

#[cfg(test)]
mod tests;
