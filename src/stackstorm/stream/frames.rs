//! Parses bytes into server-sent events, for any chunk boundaries.

use crate::stackstorm::exchange::MAX_BODY;

/// No event above this is kept.
pub(super) const LARGEST: usize = MAX_BODY;

/// What an empty line ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// An event.
    Event { name: String, data: Vec<u8> },
    /// Nothing: StackStorm's heartbeat.
    Blank,
    /// An event above [`LARGEST`], dropped.
    TooLarge,
}

/// Collects lines. Fields other than `event` and `data` are none of StackStorm's and ignored.
#[derive(Debug, Default)]
pub(super) struct Frames {
    buffer: Vec<u8>,
    /// Bytes of the buffer that hold no newline.
    searched: usize,
    name: String,
    data: Option<Vec<u8>>,
    too_large: bool,
}

impl Frames {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole event among what was pushed.
    pub(super) fn next(&mut self) -> Option<Frame> {
        let mut from = 0;
        let found = loop {
            let start = from.max(self.searched);
            let Some(length) = self.buffer[start..].iter().position(|byte| *byte == b'\n') else { break None };
            let line: Vec<u8> = self.buffer[from..start + length].to_vec();
            from = start + length + 1;
            self.searched = 0;
            if let Some(frame) = self.line(line.strip_suffix(b"\r").unwrap_or(&line)) {
                break Some(frame);
            }
        };
        self.buffer.drain(..from);
        if found.is_none() {
            self.give_up_on_a_line_without_end();
        }
        found
    }

    fn give_up_on_a_line_without_end(&mut self) {
        if self.buffer.len() > LARGEST {
            self.buffer.clear();
            self.too_large = true;
        }
        self.searched = self.buffer.len();
    }

    fn line(&mut self, line: &[u8]) -> Option<Frame> {
        if line.is_empty() {
            return Some(self.end());
        }
        let at = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(at + 1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &line[..at] {
            b"event" => self.name = String::from_utf8_lossy(value).into_owned(),
            b"data" => self.add(value),
            _ => {}
        }
        None
    }

    fn add(&mut self, value: &[u8]) {
        let data = self.data.get_or_insert_default();
        if !data.is_empty() {
            data.push(b'\n');
        }
        if data.len() + value.len() > LARGEST {
            self.too_large = true;
            data.clear();
        } else {
            data.extend_from_slice(value);
        }
    }

    fn end(&mut self) -> Frame {
        let (name, data) = (std::mem::take(&mut self.name), self.data.take());
        match (std::mem::take(&mut self.too_large), data) {
            (true, _) => Frame::TooLarge,
            (false, Some(data)) => Frame::Event { name, data },
            (false, None) => Frame::Blank,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(frames: &mut Frames) -> Vec<Frame> {
        std::iter::from_fn(|| frames.next()).collect()
    }

    fn event(name: &str, data: &str) -> Frame {
        Frame::Event { name: name.to_owned(), data: data.as_bytes().to_vec() }
    }

    #[test]
    fn events_are_read_however_the_bytes_are_cut() {
        let text = "\nevent: st2.execution__update\ndata: {\"id\":\"a\"}\n\n\n: a comment\r\nid: 7\r\ndata:x\r\ndata: y\r\n\r\n";
        let wanted = [Frame::Blank, event("st2.execution__update", "{\"id\":\"a\"}"), Frame::Blank, event("", "x\ny")];
        for size in 1..text.len() {
            let mut frames = Frames::default();
            let mut read = Vec::new();
            for chunk in text.as_bytes().chunks(size) {
                frames.push(chunk);
                read.extend(all(&mut frames));
            }
            assert_eq!(read, wanted, "in chunks of {size}");
        }
    }

    #[test]
    fn an_event_without_end_is_dropped_and_the_next_one_read() {
        let mut frames = Frames::default();
        frames.push(b"event: big\ndata: ");
        for _ in 0..=LARGEST / (1 << 20) {
            frames.push(&vec![b'x'; 1 << 20]);
            assert_eq!(all(&mut frames), []);
        }
        frames.push(b"\n\nevent: small\ndata: 1\n\n");
        assert_eq!(all(&mut frames), [Frame::TooLarge, event("small", "1")]);
    }
}
