//! Where the seeds are, and where they come from.
