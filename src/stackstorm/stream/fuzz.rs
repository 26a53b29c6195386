//! Event streams: how the bytes are cut changes nothing, and what is kept does not grow with what comes.

use super::{
    frames::{Frame, Frames},
    read,
};

/// The first byte says where the rest is cut.
pub(crate) fn target(bytes: &[u8]) {
    let Some((size, stream)) = bytes.split_first() else { return };
    let whole = frames([stream].into_iter());
    let cut = frames(stream.chunks(usize::from(*size).max(1)));
    assert_eq!(whole, cut, "in pieces of {size}");
    for frame in whole {
        if let Frame::Event { data, .. } = &frame {
            assert!(data.len() <= stream.len());
        }
        drop(read(frame));
    }
}

fn frames<'b>(pieces: impl Iterator<Item = &'b [u8]>) -> Vec<Frame> {
    let (mut frames, mut found) = (Frames::default(), Vec::new());
    for piece in pieces {
        frames.push(piece);
        found.extend(std::iter::from_fn(|| frames.next()));
    }
    found
}
