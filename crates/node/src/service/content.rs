//! Content between the messages of a call and the readers and writers of blocking threads.

use std::io::{self, Read, Write};

use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Pieces on their way at a time.
const PIECES: usize = 4;

/// Bytes of a piece that is sent at most.
const PIECE_BYTES: usize = 256 << 10;

/// What comes from a client.
pub(super) enum Piece {
    Bytes(Vec<u8>),
    /// There is no more, and nothing is missing.
    End,
}

/// A reader, and where its pieces are put in. Without [`Piece::End`] reading ends with an error, so that a call that is cut
/// off is no shorter object.
pub(super) fn pieces() -> (Sender<Piece>, Pieces) {
    let (sender, receiver) = channel(PIECES);
    (sender, Pieces { receiver, now: Vec::new(), read: 0, ended: false })
}

pub(super) struct Pieces {
    receiver: Receiver<Piece>,
    now: Vec<u8>,
    read: usize,
    ended: bool,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.read == self.now.len() && !self.ended {
            (self.now, self.read) = match self.receiver.blocking_recv() {
                Some(Piece::Bytes(bytes)) => (bytes, 0),
                Some(Piece::End) => {
                    self.ended = true;
                    (Vec::new(), 0)
                }
                None => {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "the call was cut off"));
                }
            };
        }
        let len = buffer.len().min(self.now.len() - self.read);
        buffer[..len].copy_from_slice(&self.now[self.read..self.read + len]);
        self.read += len;
        Ok(len)
    }
}

/// A writer that sends what is written in pieces of some length, each made a message by `wrap`.
pub(super) struct Outgoing<M, W: Fn(Vec<u8>) -> M> {
    sender: Sender<M>,
    wrap: W,
    waiting: Vec<u8>,
}

impl<M, W: Fn(Vec<u8>) -> M> Outgoing<M, W> {
    pub(super) const fn new(sender: Sender<M>, wrap: W) -> Self {
        Self { sender, wrap, waiting: Vec::new() }
    }

    fn send(&mut self) -> io::Result<()> {
        let message = (self.wrap)(std::mem::take(&mut self.waiting));
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "nobody reads any more");
        self.sender.blocking_send(message).map_err(gone)
    }
}

impl<M, W: Fn(Vec<u8>) -> M> Write for Outgoing<M, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = bytes.len().min(PIECE_BYTES - self.waiting.len());
        self.waiting.extend_from_slice(&bytes[..len]);
        if self.waiting.len() == PIECE_BYTES {
            self.send()?;
        }
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() { Ok(()) } else { self.send() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_end_is_an_end() {
        let (sender, mut pieces) = pieces();
        for piece in [b"ab".as_slice(), b"", b"cde"] {
            sender.try_send(Piece::Bytes(piece.to_vec())).unwrap();
        }
        sender.try_send(Piece::End).unwrap();
        let mut all = Vec::new();
        pieces.read_to_end(&mut all).unwrap();
        assert_eq!(all, b"abcde");
        let (sender, mut pieces) = super::pieces();
        sender.try_send(Piece::Bytes(b"ab".to_vec())).unwrap();
        drop(sender);
        assert_eq!(pieces.read_to_end(&mut all).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn content_goes_out_in_pieces() {
        let (sender, mut receiver) = channel(PIECES);
        let mut out = Outgoing::new(sender, |bytes| bytes);
        let content = vec![7; PIECE_BYTES + 5];
        out.write_all(&content).unwrap();
        out.flush().unwrap();
        out.flush().unwrap();
        assert_eq!(receiver.try_recv().unwrap().len(), PIECE_BYTES);
        assert_eq!(receiver.try_recv().unwrap().len(), 5);
        assert!(receiver.try_recv().is_err());
        drop(receiver);
        assert_eq!(out.write_all(&content).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
