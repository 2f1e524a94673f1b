//! Inputs as changes of something valid.

use arbitrary::{Result, Unstructured};

/// Most changes of one input: more make noise of anything.
const MOST: usize = 8;

/// Makes up to eight changes of `bytes`: a byte, a number, a run that goes, comes twice, moves, or is new.
///
/// # Errors
/// The input is used up; the changes until then are made.
pub fn edit(bytes: &mut Vec<u8>, input: &mut Unstructured<'_>) -> Result<()> {
    for _ in 0..input.int_in_range(1..=MOST)? {
        if bytes.is_empty() {
            return Ok(());
        }
        change(bytes, input)?;
    }
    Ok(())
}

fn change(bytes: &mut Vec<u8>, input: &mut Unstructured<'_>) -> Result<()> {
    let kind = input.int_in_range(0..=6_u8)?;
    let at = input.int_in_range(0..=bytes.len() - 1)?;
    let end = bytes.len().min(at + usize::from(input.arbitrary::<u8>()?) + 1);
    match kind {
        0 => bytes[at] ^= input.arbitrary::<u8>()?,
        1 => bytes[at] = input.arbitrary()?,
        2 => {
            let number = u32::from_be_bytes(input.arbitrary()?).to_be_bytes();
            bytes[at..].iter_mut().zip(number).for_each(|(to, from)| *to = from);
        }
        3 => drop(bytes.drain(at..end)),
        4 => {
            let run = bytes[at..end].to_vec();
            let to = input.int_in_range(0..=bytes.len())?;
            bytes.splice(to..to, run);
        }
        5 => {
            let run: Vec<u8> = bytes.drain(at..end).collect();
            let to = input.int_in_range(0..=bytes.len())?;
            bytes.splice(to..to, run);
        }
        _ => {
            let run: Vec<u8> = input.arbitrary()?;
            bytes.splice(at..at, run);
        }
    }
    Ok(())
}
