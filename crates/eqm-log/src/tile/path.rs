//! Paths of tiles, below the log's directory or URL.

use super::{MAX_TILE_LEVEL, TILE_WIDTH, Tile, TileKind};
use crate::{MAX_LOG_SIZE, text::parse_decimal};
use core::{error::Error, fmt, str::FromStr};

/// Longest path: an index below 2^55 has six elements.
const MAX_PATH_LEN: usize = 64;

/// The text is not the path of a tile that a log can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TilePathError;

impl fmt::Display for TilePathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is not the path of a tile")
    }
}

impl Error for TilePathError {}

impl fmt::Display for Tile {
    /// The path, as in `tile/0/x001/234.p/5` (EL-21).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Entries => f.write_str("tile/entries/")?,
            TileKind::Hashes(level) => write!(f, "tile/{level}/")?,
        }
        write_index(f, self.index)?;
        if self.is_partial() { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

/// Three digits an element, all but the last with an `x` before them.
fn write_index(f: &mut fmt::Formatter<'_>, index: u64) -> fmt::Result {
    write_parents(f, index / 1_000)?;
    write!(f, "{:03}", index % 1_000)
}

fn write_parents(f: &mut fmt::Formatter<'_>, parents: u64) -> fmt::Result {
    if parents == 0 {
        return Ok(());
    }
    write_parents(f, parents / 1_000)?;
    write!(f, "x{:03}/", parents % 1_000)
}

impl FromStr for Tile {
    type Err = TilePathError;

    /// Parses exactly what [`Tile`] prints.
    fn from_str(path: &str) -> Result<Self, TilePathError> {
        if path.len() > MAX_PATH_LEN {
            return Err(TilePathError);
        }
        // What is read loosely has one spelling only: that which is printed again.
        let spelt = |tile: &Self| alloc::format!("{tile}") == path;
        parse(path).filter(spelt).ok_or(TilePathError)
    }
}

fn parse(path: &str) -> Option<Tile> {
    let (kind, rest) = path.strip_prefix("tile/")?.split_once('/')?;
    let kind = match kind {
        "entries" => TileKind::Entries,
        level => TileKind::Hashes(small(level).filter(|level| *level <= MAX_TILE_LEVEL)?),
    };
    let (index, width) = match rest.split_once(".p/") {
        Some((index, width)) => (index, small(width)?.into()),
        None => (rest, TILE_WIDTH),
    };
    let index = index.split('/').try_fold(0_u64, |index, element| {
        let digits = element.strip_prefix('x').unwrap_or(element);
        let digits = digits.trim_start_matches('0');
        let low = if digits.is_empty() { 0 } else { parse_decimal(digits)? };
        index.checked_mul(1_000)?.checked_add(low)
    })?;
    // Widest where a log is as long as any can be.
    let widest = Tile::at(kind, index, MAX_LOG_SIZE)?;
    (1..=widest.width).contains(&width).then_some(Tile { kind, index, width })
}

fn small(text: &str) -> Option<u8> {
    parse_decimal(text)?.try_into().ok()
}
