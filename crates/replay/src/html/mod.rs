//! The report for people (RP-20): one page that stands by itself, made from what an audit found.
//!
//! [`render`] is pure: the same report gives the same bytes, without a clock, a host or a path in them. The page
//! needs no script and no network; plots are drawings inside of it, made with whole numbers only. All text of a
//! log is hostile: the type [`markup::Html`] takes tags from these sources alone and escapes everything else.

mod bins;
mod figures;
mod markup;
mod page;
mod plot;
mod scale;
mod sections;
mod spread;
mod table;
mod words;

pub use page::render;
