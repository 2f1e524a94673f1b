//! Long lists, a page at a time. A token says after which row the next page begins, and nothing that need be secret.

use api::v1::ObjectSummary;
use protocol::ObjectId;
use storage_engine::{
    query::{ObjectFilter, list_objects_after},
    state::{State, StateStore},
};
use tonic::Status;

use super::status;
use crate::failure::Result;

/// Rows of a page, at most and unless another number is asked for.
const MOST_ROWS: u32 = 1_000;
const USUAL_ROWS: u32 = 100;

/// Which rows are asked for.
pub(super) struct Page {
    pub(super) filter: ObjectFilter,
    after: Option<(ObjectId, u64)>,
    rows: usize,
}

impl Page {
    pub(super) fn of(
        filter: ObjectFilter,
        rows: u32,
        token: &str,
    ) -> std::result::Result<Self, Status> {
        let rows = match rows {
            0 => USUAL_ROWS,
            rows if rows <= MOST_ROWS => rows,
            _ => return Err(status::invalid(format!("page_size is at most {MOST_ROWS}"))),
        };
        let after = match token {
            "" => None,
            token => Some(
                parse(token).ok_or_else(|| status::invalid("page_token is none that was given"))?,
            ),
        };
        Ok(Self { filter, after, rows: rows as usize })
    }

    /// The rows, and the token of the next page: empty after the last.
    pub(super) fn read<S: StateStore>(
        self,
        state: &State<S>,
    ) -> Result<(Vec<ObjectSummary>, String)> {
        let Self { filter, after, rows: most } = self;
        let (mut rows, mut more) = (Vec::new(), false);
        list_objects_after(
            state,
            &filter,
            after.as_ref().map(|(id, version)| (id, *version)),
            &mut |summary| {
                more = rows.len() == most;
                if !more {
                    rows.push(row(state, summary));
                }
                !more
            },
        )?;
        let rows = rows.into_iter().collect::<Result<Vec<_>>>()?;
        let token = rows.last().filter(|_| more).map_or_else(String::new, token);
        Ok((rows, token))
    }
}

fn row<S: StateStore>(
    state: &State<S>,
    summary: &storage_engine::query::ObjectSummary<'_>,
) -> Result<ObjectSummary> {
    let object = ObjectId(summary.object_id.to_owned());
    let score = state.score(&object, summary.version)?;
    Ok(ObjectSummary {
        object_id: object.0,
        version: summary.version,
        hash_commit: summary.stored.map(|stored| stored.hash_commit.0.to_vec()),
        size: summary.size(),
        created_at_tick: summary.created_at_tick,
        metadata_json: summary.metadata.to_canonical(),
        openagi_score: score.map(|record| record.score),
    })
}

fn token(row: &ObjectSummary) -> String {
    format!("{}:{}", row.version, row.object_id)
}

fn parse(token: &str) -> Option<(ObjectId, u64)> {
    let (version, object) = token.split_once(':')?;
    let object = ObjectId(object.to_owned());
    object.validate().ok()?;
    Some((object, version.parse().ok()?))
}
