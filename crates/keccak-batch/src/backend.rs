//! Which implementation hashes a batch.

use core::fmt;

use crate::{Digest256, hash_parts};
#[cfg(target_arch = "x86_64")]
use crate::{lanes, x86};

/// An implementation of SHA3-256 for many messages. All give the same digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Backend {
    /// One message after another, on any processor.
    Portable,
    /// Four messages at a time, with AVX2.
    Avx2,
    /// Eight messages at a time, with AVX-512F.
    Avx512,
}

impl Backend {
    /// Every back end, the narrowest first.
    pub const ALL: [Self; 3] = [Self::Portable, Self::Avx2, Self::Avx512];

    /// Whether this build on this processor can run it.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => x86::Avx2::detect().is_some(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => x86::Avx512::detect().is_some(),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => false,
        }
    }

    /// A short lower-case name, as benchmarks print it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The back ends that this build can run on this processor, the narrowest first; never empty.
pub fn available() -> impl DoubleEndedIterator<Item = Backend> {
    Backend::ALL.into_iter().filter(|backend| backend.is_available())
}

/// The refusal to run a back end that this processor or this build lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable(
    /// The back end that was asked for.
    pub Backend,
);

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the SHA3-256 back end {} is not available here", self.0)
    }
}

impl core::error::Error for Unavailable {}

/// [`hash_many_prefixed`](crate::hash_many_prefixed) on one given back end, for tests and benchmarks.
///
/// # Errors
///
/// [`Unavailable`] where the back end cannot run; `digests` is then untouched.
pub fn hash_many_with(
    backend: Backend,
    prefix: &[u8],
    messages: &[&[u8]],
    digests: &mut [Digest256],
) -> Result<(), Unavailable> {
    match backend {
        Backend::Portable => one_by_one(prefix, messages, digests),
        #[cfg(target_arch = "x86_64")]
        Backend::Avx2 => {
            let kernel = x86::Avx2::detect().ok_or(Unavailable(backend))?;
            lanes::hash_many(kernel, prefix, messages, digests);
        }
        #[cfg(target_arch = "x86_64")]
        Backend::Avx512 => {
            let kernel = x86::Avx512::detect().ok_or(Unavailable(backend))?;
            lanes::hash_many(kernel, prefix, messages, digests);
        }
        #[cfg(not(target_arch = "x86_64"))]
        Backend::Avx2 | Backend::Avx512 => return Err(Unavailable(backend)),
    }
    Ok(())
}

/// The batch on the widest back end that can run. A single message would leave lanes idle for nothing.
pub(crate) fn hash_many_widest(prefix: &[u8], messages: &[&[u8]], digests: &mut [Digest256]) {
    #[cfg(target_arch = "x86_64")]
    if messages.len() > 1 {
        if let Some(kernel) = x86::Avx512::detect() {
            return lanes::hash_many(kernel, prefix, messages, digests);
        }
        if let Some(kernel) = x86::Avx2::detect() {
            return lanes::hash_many(kernel, prefix, messages, digests);
        }
    }
    one_by_one(prefix, messages, digests);
}

fn one_by_one(prefix: &[u8], messages: &[&[u8]], digests: &mut [Digest256]) {
    for (message, digest) in messages.iter().zip(digests) {
        *digest = hash_parts(&[prefix, message]);
    }
}
