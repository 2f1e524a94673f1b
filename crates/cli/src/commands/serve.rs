//! `serve`: the service over this ledger.

use crate::{app::App, args::ServeArgs, error::Result};
use journal::Ledger;
use node::{Failure, Node, service};
use protocol::ErrorCode;
use serde_json::json;
use std::sync::Arc;
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};

pub fn run(app: &mut App, args: &ServeArgs) -> Result<()> {
    let (ledger, recovery) = Ledger::open(app.data_dir())?;
    if recovery.tail.cut.is_some() {
        app.out.note(&format!("recovered: {recovery}"));
    }
    let node = Arc::new(Node::new(ledger));
    let serving = Arc::clone(&node);
    let failed =
        |error| Failure::new(ErrorCode::Internal, format!("cannot begin to serve: {error}"));
    let runtime = Runtime::new().map_err(failed)?;
    let served = runtime.block_on(async {
        let (mut interrupt, mut terminate) = (
            signal(SignalKind::interrupt()).map_err(failed)?,
            signal(SignalKind::terminate()).map_err(failed)?,
        );
        let listener = service::listen(args.listen).await?;
        let address = listener.local_addr().map_err(failed)?;
        let told = app.out.row(&json!({ "listening": address.to_string() }), || {
            format!("listening on {address}; ends with SIGINT or SIGTERM")
        });
        told?;
        let stop = async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        };
        Ok::<_, crate::error::CliError>(service::serve(serving, listener, stop).await?)
    });
    // Ends what is still connected; a disk may be waited for by the last calls.
    runtime.shutdown_timeout(service::GRACE);
    served?;
    match Arc::into_inner(node) {
        Some(node) => Ok(node.close()?),
        None => {
            app.out.note("a call did not end: the next start executes again what came after the last checkpoint");
            Ok(())
        }
    }
}
