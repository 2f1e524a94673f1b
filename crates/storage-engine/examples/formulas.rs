//! Answers the line protocol of `tests/independent/README.md`: one JSON request per line of standard
//! input, one JSON answer per line of standard output. Every number comes from the library's own functions.

use certified_math::BigNum128;
use protocol::{
    Amount, Hash32, ObjectId, Parameters, Profile, Refusal,
    error::ErrorCode,
    hash::hex_decode,
    json::{self, Value, object},
    limits::MAX_METADATA_BYTES,
    node::NodeNumber,
};
use std::{
    collections::BTreeSet,
    convert::Infallible,
    error::Error,
    io::{self, BufRead, BufWriter, Write},
};
use storage_engine::{
    content::{hash_commit, shard_id},
    layout::{Geometry, LayoutBuilder},
    placement::{Ring, place},
};
use token_state::{Contribution, settle, storage_fee, uptime_bucket};

/// A request that this program cannot read: the peer broke the line protocol, which ends the run.
type Broken = Box<dyn Error>;

fn main() -> Result<(), Broken> {
    let mut out = BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let request = json::parse(line?.as_bytes())?;
        let answer = match text(&request, "op")? {
            "object" => answer_object(&request)?,
            "settle" => answer_settle(&request)?,
            other => return Err(format!("no such op: {other}").into()),
        };
        writeln!(out, "{}", ascii(&answer))?;
    }
    Ok(out.flush()?)
}

/// The JSON text with everything beyond ASCII escaped: many readers of lines also end a line at U+2028.
fn ascii(answer: &Value) -> String {
    let mut line = String::new();
    for c in answer.to_canonical().chars() {
        if c.is_ascii() {
            line.push(c);
        } else {
            let units = c.encode_utf16(&mut [0; 2]).to_vec();
            line.extend(units.iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    line
}

struct Object<'a> {
    id: &'a str,
    version: u64,
    metadata: &'a str,
    content: Vec<u8>,
    nodes: BTreeSet<&'a str>,
    profile: Profile,
}

fn answer_object(request: &Value) -> Result<Value, Broken> {
    let parsed = Object {
        id: text(request, "object_id")?,
        version: text(request, "version")?.parse()?,
        metadata: text(request, "metadata_json")?,
        content: hex_decode(text(request, "content_hex")?).ok_or("content_hex")?,
        nodes: list(request, "nodes")?
            .iter()
            .map(|node| node.as_str().ok_or("nodes"))
            .collect::<Result<_, _>>()?,
        profile: profile(list(request, "profile")?)?,
    };
    Ok(describe(&parsed).unwrap_or_else(|refusal| object([("error_code", refusal.code.name())])))
}

fn describe(request: &Object<'_>) -> Result<Value, Refusal> {
    ObjectId(request.id.into()).validate()?;
    if request.version == 0 {
        let detail = "versions begin with 1";
        return Err(Refusal::new(ErrorCode::InvalidVersion, detail));
    }
    let (metadata, keys) = canonical_metadata(request.metadata)?;
    let (profile, parameters) = (request.profile, Parameters::v13(request.profile));
    let mut builder = LayoutBuilder::new(parameters.block_size, profile)?;
    let sink = &mut |_: u32, _: &[u8], _: &[Hash32]| Ok::<(), Infallible>(());
    builder.push(&request.content, sink).map_err(internal)?;
    let layout = builder.finish(sink).map_err(internal)?;
    let geometry = Geometry::of(&layout)?;
    let columns = 0..profile.columns();
    let data = usize::from(profile.data);
    let fee = storage_fee(layout.size, keys, &parameters).map_err(internal)?;
    Ok(object([
        ("canonical_metadata", Value::from(metadata.as_str())),
        ("hash_commit", hash(&hash_commit(&request.content, metadata.as_bytes()))),
        (
            "shard_ids",
            columns
                .clone()
                .map(|column| hash(&shard_id(request.id, request.version, column)))
                .collect(),
        ),
        ("shard_lens", columns.map(|column| geometry.shard_len(column).to_string()).collect()),
        ("roots", layout.roots.iter().take(data).map(hash).collect()),
        ("replica_sets", replica_sets(request)?),
        ("atr_cost", Value::from(fee.to_string())),
    ]))
}

/// The checks that hold for metadata of any meaning: JSON, an object, within the limit.
fn canonical_metadata(text: &str) -> Result<(String, u64), Refusal> {
    let invalid = |detail| Refusal::with(ErrorCode::InvalidInput, detail);
    let value = json::parse(text.as_bytes()).map_err(|error| invalid(error.to_string()))?;
    let members = value.as_object().ok_or_else(|| invalid("metadata is a JSON object".into()))?;
    let canonical = value.to_canonical();
    if canonical.len() > MAX_METADATA_BYTES {
        let detail = "metadata has at most 16 KiB";
        return Err(Refusal::new(ErrorCode::Limit, detail));
    }
    Ok((canonical, members.len() as u64))
}

fn replica_sets(request: &Object<'_>) -> Result<Value, Refusal> {
    // The set is sorted by the bytes of the ids, which is the order of an eligible list.
    let ids: Vec<&str> = request.nodes.iter().copied().collect();
    let numbers: Vec<NodeNumber> = (0..).take(ids.len()).collect();
    let placed = place(request.id, request.version, request.profile, &Ring::new(&numbers, None))?;
    let copies = usize::from(request.profile.replicas);
    let names = |set: &[NodeNumber]| set.iter().map(|node| ids[*node as usize]).collect();
    Ok(placed.chunks(copies).map(names).collect::<Vec<Value>>().into())
}

fn answer_settle(request: &Value) -> Result<Value, Broken> {
    let fees = amount(text(request, "fees")?)?;
    let nodes = list(request, "nodes")?.iter().map(contribution).collect::<Result<Vec<_>, _>>()?;
    let parameters = Parameters::v13(Profile::QFS_V13);
    let (settlement, rewards) =
        settle(fees, &nodes, &parameters).map_err(|error| error.to_string())?;
    Ok(object([
        ("pool", Value::from(settlement.pool.to_string())),
        ("treasury", settlement.treasury.to_string().into()),
        ("reserve", settlement.reserve.to_string().into()),
        ("rewards", rewards.iter().map(Amount::to_string).collect()),
    ]))
}

fn contribution(node: &Value) -> Result<Contribution, Broken> {
    Ok(Contribution {
        verified: node.get("verified").and_then(Value::as_bool).ok_or("verified")?,
        bytes_stored: text(node, "bytes_stored")?.parse()?,
        uptime_bucket: uptime_bucket(amount(text(node, "uptime")?)?),
        proofs: text(node, "proofs")?.parse()?,
    })
}

fn amount(text: &str) -> Result<Amount, Broken> {
    let parsed = BigNum128::parse(text).map_err(|error| error.to_string())?;
    Ok(Amount(parsed))
}

fn profile(numbers: &[Value]) -> Result<Profile, Broken> {
    let number = |at: usize| {
        let number = numbers.get(at).and_then(Value::as_int);
        number.and_then(|n| u8::try_from(n).ok()).ok_or("profile")
    };
    Ok(Profile { data: number(0)?, parity: number(1)?, replicas: number(2)? })
}

fn text<'a>(request: &'a Value, field: &'static str) -> Result<&'a str, Broken> {
    Ok(request.get(field).and_then(Value::as_str).ok_or(field)?)
}

fn list<'a>(request: &'a Value, field: &'static str) -> Result<&'a [Value], Broken> {
    Ok(request.get(field).and_then(Value::as_array).ok_or(field)?)
}

fn hash(hash: &Hash32) -> Value {
    Value::from(hash.to_hex())
}

fn internal(error: impl Error) -> Refusal {
    Refusal::with(ErrorCode::Internal, error.to_string())
}
