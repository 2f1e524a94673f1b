//! Where every byte of an object lies: blocks, stripes, columns (rules LA-7 to LA-9 and LA-14 of `spec/layout.md`).
//!
//! [`Geometry`] answers by arithmetic alone, for objects of any size; [`LayoutBuilder`] cuts a stream into
//! the cells that the geometry describes.

mod builder;
mod geometry;

pub use builder::{BlockSink, BuildError, LayoutBuilder};
pub use geometry::{Geometry, Span, shard_len};
