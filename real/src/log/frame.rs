//! Framing: how a payload is laid into an append-only file so that a reader can tell a write
//! that a crash cut short from data that was damaged later.
//!
//! A frame is the payload's length, the payload, and a CRC-32 (little-endian) over a salt, the
//! frame's offset, the length and the payload. The salt names the file, so a frame is valid
//! only where it was written: neither bytes inside a payload nor a stale block of another file
//! pass for one. The checksum comes last, so that a tail of zeros cannot look nearly right.
//!
//! A writer that syncs each frame before it appends the next can leave at most one incomplete
//! frame behind, at the end. Damage with a valid frame after it therefore befell data that had
//! been synced. So did damage that one flipped bit explains, even in the last frame: a write
//! that was cut short misses far more than a bit. Only what is left counts as torn.
//!
//! Absent: what payloads mean, and repair. A damaged file is reported, never mended.

/// A frame's length beyond its payload's, in bytes.
pub const OVERHEAD: usize = LENGTH_BYTES + CHECKSUM_BYTES;

/// The longest payload, in bytes. A length above it is taken as damage.
pub const MAX_PAYLOAD: usize = 1 << 28;

const LENGTH_BYTES: usize = 4;
const CHECKSUM_BYTES: usize = 4;

/// What a file of frames holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents<'a> {
    /// The payloads before any damage, in order.
    pub payloads: Vec<Payload<'a>>,
    /// How the file ends.
    pub end: End,
}

/// One payload and where its frame stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload<'a> {
    /// The frame's offset in the file.
    pub offset: u64,
    /// The payload.
    pub bytes: &'a [u8],
}

/// How a file of frames ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With the last frame.
    Clean,
    /// In a frame that was being written when the writer crashed: it was never synced, and
    /// nothing follows it.
    Torn {
        /// Where that frame begins.
        offset: u64,
    },
    /// In damage to data that had been synced.
    Corrupt {
        /// Where the damaged frame begins.
        offset: u64,
    },
}

/// Appends the frame of a payload to `out`, for the given offset of the file named by `salt`.
///
/// # Panics
/// If the payload is empty or longer than [`MAX_PAYLOAD`].
pub fn push(out: &mut Vec<u8>, salt: u64, offset: u64, payload: &[u8]) {
    assert!(
        !payload.is_empty() && payload.len() <= MAX_PAYLOAD,
        "a frame of {} bytes",
        payload.len()
    );
    let length = u32::try_from(payload.len()).expect("bounded above");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(payload);
    out.extend_from_slice(&checksum(salt, offset, length, payload).to_le_bytes());
}

/// Reads the whole content of the file named by `salt`.
pub fn read(salt: u64, bytes: &[u8]) -> Contents<'_> {
    let file = File { salt, bytes };
    let mut payloads = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let Some(payload) = file.frame(at) else { break };
        payloads.push(Payload { offset: at as u64, bytes: payload });
        at += OVERHEAD + payload.len();
    }
    let offset = at as u64;
    let end = if at == bytes.len() {
        End::Clean
    } else if file.one_bit_off(at) || (at + 1..bytes.len()).any(|later| file.frame(later).is_some())
    {
        End::Corrupt { offset }
    } else {
        End::Torn { offset }
    };
    Contents { payloads, end }
}

struct File<'a> {
    salt: u64,
    bytes: &'a [u8],
}

impl<'a> File<'a> {
    /// The payload of the frame at this offset, if a valid one stands there.
    fn frame(&self, at: usize) -> Option<&'a [u8]> {
        let length = self.length(at)?;
        let (payload, stored) = self.body(at, length)?;
        (checksum(self.salt, at as u64, length, payload) == stored).then_some(payload)
    }

    /// Whether flipping some one bit would make a valid frame stand at this offset.
    fn one_bit_off(&self, at: usize) -> bool {
        let Some(length) = self.length(at) else { return false };
        let in_the_rest = self.body(at, length).is_some_and(|(payload, stored)| {
            let difference = checksum(self.salt, at as u64, length, payload) ^ stored;
            difference.is_power_of_two() || one_bit_makes(difference, payload.len() * 8)
        });
        in_the_rest
            || (0..u32::BITS).map(|bit| length ^ (1 << bit)).any(|length| {
                self.body(at, length).is_some_and(|(payload, stored)| {
                    checksum(self.salt, at as u64, length, payload) == stored
                })
            })
    }

    fn length(&self, at: usize) -> Option<u32> {
        Some(u32::from_le_bytes(*self.bytes.get(at..)?.first_chunk()?))
    }

    fn body(&self, at: usize, length: u32) -> Option<(&'a [u8], u32)> {
        let length = usize::try_from(length).ok().filter(|l| (1..=MAX_PAYLOAD).contains(l))?;
        let start = at + LENGTH_BYTES;
        let payload = self.bytes.get(start..start + length)?;
        let stored = self.bytes.get(start + length..)?.first_chunk()?;
        Some((payload, u32::from_le_bytes(*stored)))
    }
}

fn checksum(salt: u64, offset: u64, length: u32, payload: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&salt.to_le_bytes());
    crc.update(&offset.to_le_bytes());
    crc.update(&length.to_le_bytes());
    crc.update(payload);
    crc.finalize()
}

/// Whether flipping one of the last `bits` bits under a CRC-32 changes it by `difference`.
///
/// A CRC is linear, so a flipped bit changes it by a value that depends only on the bit's
/// distance from the end: for the last bit the polynomial, and for each bit before it one
/// more step of the shift register.
fn one_bit_makes(difference: u32, bits: usize) -> bool {
    const POLYNOMIAL: u32 = 0xedb8_8320;
    let mut change = POLYNOMIAL;
    for _ in 0..bits {
        if change == difference {
            return true;
        }
        change = (change >> 1) ^ if change & 1 == 1 { POLYNOMIAL } else { 0 };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: u64 = 7;

    fn file(payloads: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for payload in payloads {
            let offset = bytes.len() as u64;
            push(&mut bytes, SALT, offset, payload);
        }
        bytes
    }

    fn texts<'a>(contents: &Contents<'a>) -> Vec<&'a [u8]> {
        contents.payloads.iter().map(|p| p.bytes).collect()
    }

    #[test]
    fn what_was_pushed_is_read() {
        let bytes = file(&[b"one", b"two", b"three"]);
        let contents = read(SALT, &bytes);
        assert_eq!(texts(&contents), [b"one".as_slice(), b"two", b"three"]);
        assert_eq!(contents.end, End::Clean);
        assert_eq!(read(SALT, &[]), Contents { payloads: vec![], end: End::Clean });
    }

    #[test]
    fn a_file_cut_at_any_byte_is_torn_at_that_frame() {
        let bytes = file(&[b"one", b"two", b"three"]);
        let ends = [0, 11, 22, 35];
        for cut in 0..bytes.len() {
            let contents = read(SALT, &bytes[..cut]);
            let whole = ends.iter().filter(|&&end| end > 0 && end <= cut).count();
            assert_eq!(contents.payloads.len(), whole, "cut at {cut}");
            let expected = if ends.contains(&cut) {
                End::Clean
            } else {
                End::Torn { offset: ends[whole] as u64 }
            };
            assert_eq!(contents.end, expected, "cut at {cut}");
        }
    }

    #[test]
    fn a_last_frame_whose_end_was_never_written_is_torn() {
        let bytes = file(&[b"one", b"the last frame, long enough for a tail"]);
        for from in 12..bytes.len() - 4 {
            let mut zeros = bytes.clone();
            zeros[from..].fill(0);
            assert_eq!(read(SALT, &zeros).end, End::Torn { offset: 11 }, "zeros from {from}");
        }
    }

    #[test]
    fn every_flipped_bit_is_corruption() {
        let bytes = file(&[b"one", b"two", b"three"]);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(read(SALT, &flipped).end, End::Corrupt { .. }), "bit {bit}");
        }
    }

    #[test]
    fn every_other_byte_value_before_the_last_frame_is_corruption() {
        let bytes = file(&[b"one", b"two", b"three"]);
        for at in 0..22 {
            for change in 1..=255 {
                let mut damaged = bytes.clone();
                damaged[at] ^= change;
                let offset = if at < 11 { 0 } else { 11 };
                assert_eq!(
                    read(SALT, &damaged).end,
                    End::Corrupt { offset },
                    "byte {at} ^ {change}"
                );
            }
        }
    }

    #[test]
    fn a_frame_counts_only_where_it_was_written() {
        let bytes = file(&[b"one", b"two"]);
        assert_eq!(read(SALT + 1, &bytes).end, End::Torn { offset: 0 });
        assert!(read(SALT, &bytes[11..]).payloads.is_empty());
        // A frame inside a torn payload is not evidence of corruption.
        let nested = file(&[&bytes, b"x"]);
        assert_eq!(read(SALT, &nested[..bytes.len() + 6]).end, End::Torn { offset: 0 });
    }
}
