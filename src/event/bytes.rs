//! The letters of the log: numbers of as few bytes as they need, and texts that are written once while they stay the same.
//! What is read is bounded by what is there; bytes that say nonsense are [`Unreadable`] and never more than that.

/// Bytes that are no events of this release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("bytes of the event log that this release cannot read")]
pub struct Unreadable;

/// Which text it is: each is compared with the one before it in the same place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    Type,
    SubType,
    User,
    Schedule,
    Machine,
    Worker,
    By,
    ErrorKind,
    ErrorMessage,
    Result,
    Callback,
    Tag,
    Sort,
    Of,
    Payload,
    Id,
}

/// How many places there are.
const PLACES: usize = Place::Id as usize + 1;

/// Writes.
#[derive(Debug, Default)]
pub(super) struct Writer {
    pub(super) bytes: Vec<u8>,
    /// Where the latest text of each place stands.
    latest: [(u32, u32); PLACES],
}

impl Writer {
    pub(super) fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// Seven bits a byte, the lowest first; the eighth says that more follow.
    pub(super) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    /// From one moment to another: near zero on both sides is short.
    pub(super) fn span(&mut self, from: i64, to: i64) {
        let span = to.wrapping_sub(from);
        self.number(((span << 1) ^ (span >> 63)) as u64);
    }

    /// A text: 0 for none, 1 for the latest of its place, otherwise its length and two.
    pub(super) fn text(&mut self, place: Place, text: Option<&str>) {
        let Some(text) = text else { return self.byte(0) };
        let slot = &mut self.latest[place as usize];
        let (begin, length) = (slot.0 as usize, slot.1 as usize);
        // A place where nothing stands yet begins at zero, where no text can.
        if begin > 0 && self.bytes.get(begin..begin + length) == Some(text.as_bytes()) {
            return self.byte(1);
        }
        self.number(text.len() as u64 + 2);
        self.latest[place as usize] = (self.bytes.len() as u32, text.len() as u32);
        self.bytes.extend_from_slice(text.as_bytes());
    }
}

/// Reads.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    latest: [Option<&'a str>; PLACES],
}

impl<'a> Reader<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, latest: [None; PLACES] }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Unreadable> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Unreadable)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Unreadable> {
        let (first, rest) = self.rest.split_first().ok_or(Unreadable)?;
        self.rest = rest;
        Ok(*first)
    }

    pub(super) fn number(&mut self) -> Result<u64, Unreadable> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Unreadable)
    }

    pub(super) fn number_u32(&mut self) -> Result<u32, Unreadable> {
        self.number()?.try_into().map_err(|_| Unreadable)
    }

    pub(super) fn span(&mut self, from: i64) -> Result<i64, Unreadable> {
        let written = self.number()?;
        Ok(from.wrapping_add((written >> 1) as i64 ^ -((written & 1) as i64)))
    }

    pub(super) fn text(&mut self, place: Place) -> Result<Option<&'a str>, Unreadable> {
        let length = match self.number()? {
            0 => return Ok(None),
            1 => return self.latest[place as usize].map(Some).ok_or(Unreadable),
            length => usize::try_from(length - 2).map_err(|_| Unreadable)?,
        };
        let text = std::str::from_utf8(self.take(length)?).map_err(|_| Unreadable)?;
        self.latest[place as usize] = Some(text);
        Ok(Some(text))
    }

    /// A text that must be there.
    pub(super) fn some_text(&mut self, place: Place) -> Result<&'a str, Unreadable> {
        self.text(place)?.ok_or(Unreadable)
    }
}
