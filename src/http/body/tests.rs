use super::*;
use futures_util::stream;
use std::io::Write;

fn chunks(sizes: &[usize]) -> impl Stream<Item = Result<Bytes, PayloadError>> + Unpin {
    stream::iter(sizes.iter().map(|size| Ok(Bytes::from(vec![b'x'; *size]))).collect::<Vec<_>>())
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_is_accepted_and_one_byte_more_is_too_large() {
    let limits = Limits::new(10);
    assert!(matches!(limits.read(Encoding::Identity, chunks(&[4, 6])).await, Body::Whole(body, _) if body.len() == 10));
    assert!(matches!(limits.read(Encoding::Identity, chunks(&[4, 7])).await, Body::TooLarge { read: true }));
    assert_eq!(limits.in_memory.load(Ordering::Acquire), 0);
}

#[tokio::test]
async fn discarding_has_an_end() {
    let limits = Limits::new(10);
    let chunk = Bytes::from(vec![b'x'; 1 << 16]);
    let endless = stream::repeat_with(|| Ok(chunk.clone()));
    assert!(matches!(limits.read(Encoding::Identity, endless).await, Body::TooLarge { read: false }));
}

#[tokio::test]
async fn all_bodies_together_have_a_limit() {
    let limits = Limits::new(MEMORY_BYTES);
    limits.in_memory.store(limits.memory() - 5, Ordering::Release);
    assert!(matches!(limits.read(Encoding::Identity, chunks(&[5])).await, Body::Whole(..)));
    assert!(matches!(limits.read(Encoding::Identity, chunks(&[4, 6])).await, Body::Overloaded));
    assert_eq!(limits.in_memory.load(Ordering::Acquire), limits.memory() - 5);
}

#[tokio::test]
async fn huge_bodies_that_fill_the_memory_leave_room_for_small_ones() {
    let limits = Limits::new(32 << 20);
    let huge = || chunks(&[1 << 20; 32]);
    let mut taken = Vec::new();
    while let Body::Whole(_, held) = limits.read(Encoding::Identity, huge()).await {
        taken.push(held);
    }
    assert_eq!(taken.len(), 6, "three quarters of 256 MiB");
    assert!(matches!(limits.read(Encoding::Identity, chunks(&[SMALL_BYTES])).await, Body::Whole(..)));
    taken.pop();
    assert!(matches!(limits.read(Encoding::Identity, huge()).await, Body::Whole(..)));
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

async fn unpacked(limits: &Limits, packed: Vec<u8>) -> Body<'_> {
    limits.read(Encoding::Gzip, stream::iter([Ok(Bytes::from(packed))])).await
}

#[tokio::test]
async fn a_packed_body_is_unpacked_within_the_limit_and_only_its_text_stays_in_memory() {
    let limits = Limits::new(1 << 20);
    let text = vec![b'x'; 1 << 20];
    let Body::Whole(body, held) = unpacked(&limits, gzip(&text)).await else { panic!("it fits") };
    assert_eq!((body == text, limits.in_memory.load(Ordering::Acquire)), (true, 1 << 20));
    drop(held);
    assert!(matches!(unpacked(&limits, gzip(&vec![b'x'; (1 << 20) + 1])).await, Body::TooLarge { read: true }));
    // Members one after the other are one body.
    let two = [gzip(b"{\"a\":"), gzip(b"1}")].concat();
    assert!(matches!(unpacked(&limits, two).await, Body::Whole(body, _) if body == b"{\"a\":1}"));
    let mut cut = gzip(b"{}");
    cut.truncate(12);
    for packed in [b"{}".to_vec(), cut, Vec::new()] {
        assert!(matches!(unpacked(&limits, packed).await, Body::Corrupt));
    }
    assert_eq!(limits.in_memory.load(Ordering::Acquire), 0);
}

#[tokio::test]
async fn a_body_that_grows_without_end_is_stopped_at_the_limit() {
    let limits = Limits::new(64 << 10);
    // 1 GiB in 1 MiB.
    let bomb = gzip(&vec![0; 1 << 20]).repeat(1 << 10);
    let wide = Limits::new(bomb.len() + 1);
    assert!(matches!(unpacked(&limits, bomb[..60 << 10].to_vec()).await, Body::TooLarge { .. }));
    assert!(matches!(unpacked(&wide, bomb).await, Body::TooLarge { .. }));
    assert_eq!(wide.in_memory.load(Ordering::Acquire), 0);
}

#[tokio::test]
async fn a_byte_order_mark_is_taken_off() {
    let limits = Limits::new(10);
    let body = stream::iter([Ok(Bytes::from_static(b"\xEF\xBB\xBF{}"))]);
    assert!(matches!(limits.read(Encoding::Identity, body).await, Body::Whole(body, _) if body == b"{}"));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_body() {
    let broken = stream::iter([Ok(Bytes::from_static(b"{")), Err(PayloadError::Incomplete(None))]);
    assert!(matches!(Limits::new(10).read(Encoding::Identity, broken).await, Body::CutOff(_)));
}
