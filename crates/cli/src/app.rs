//! What the commands of one process share: the ledger, opened once, and the nodes' stores.

use crate::{
    error::{CliError, Result, accepted},
    fleet::LocalFleet,
    output::Output,
};
use journal::{Ledger, RocksStore, Submitted};
use protocol::{
    AccountId, Action, Authorization, Command, ErrorCode, Receipt,
    signature::{SeedSigner, Signer},
};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};
use storage_engine::state::State;

/// One process.
pub struct App {
    /// Where rows go.
    pub out: Output,
    data_dir: PathBuf,
    opened: Option<Opened>,
}

struct Opened {
    ledger: Ledger,
    fleet: LocalFleet,
    operator: SeedSigner,
}

impl App {
    /// A process over `data_dir`.
    pub fn new(data_dir: PathBuf, json: bool) -> Self {
        Self { out: Output::new(json), data_dir, opened: None }
    }

    /// The data directory.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    fn opened(&mut self) -> Result<&mut Opened> {
        if self.opened.is_none() {
            let (ledger, recovery) = Ledger::open(&self.data_dir)?;
            if recovery.tail.cut.is_some() {
                self.out.note(&format!("recovered: {recovery}"));
            }
            self.opened = Some(Opened::new(ledger)?);
        }
        // Filled just above.
        self.opened.as_mut().ok_or(CliError::Reported)
    }

    /// Takes a ledger that was just made.
    pub fn adopt(&mut self, ledger: Ledger) -> Result<()> {
        self.opened = Some(Opened::new(ledger)?);
        Ok(())
    }

    /// The ledger, opened on first use.
    pub fn ledger(&mut self) -> Result<&mut Ledger> {
        Ok(&mut self.opened()?.ledger)
    }

    /// The state after the last entry.
    pub fn state(&mut self) -> Result<&State<RocksStore>> {
        Ok(self.opened()?.ledger.state())
    }

    /// The stores of all registered nodes.
    pub fn fleet(&mut self) -> Result<&mut LocalFleet> {
        let opened = self.opened()?;
        opened.fleet.refresh(&opened.ledger);
        Ok(&mut opened.fleet)
    }

    /// State and stores together.
    pub fn parts(&mut self) -> Result<(&State<RocksStore>, &LocalFleet)> {
        let opened = self.opened()?;
        opened.fleet.refresh(&opened.ledger);
        Ok((opened.ledger.state(), &opened.fleet))
    }

    /// A command of the operator's, unsigned: the checkpoint answers for it.
    pub fn command(&mut self, action: Action) -> Result<Command> {
        let opened = self.opened()?;
        Ok(Command {
            id: opened.ledger.fresh_id(),
            valid_until_epoch: opened.ledger.state().epoch(),
            payer: AccountId::of(&opened.operator.public_key()),
            action,
            authorization: Authorization::Operator,
        })
    }

    /// A command signed with the operator's key.
    pub fn signed(&mut self, action: Action) -> Result<Command> {
        let command = self.command(action)?;
        let opened = self.opened()?;
        let ledger_id = opened.ledger.state().ledger_id().ok_or_else(|| {
            CliError::failed(ErrorCode::AegisContextMissing, "the ledger has no genesis")
        })?;
        Ok(command.sign(&ledger_id, &opened.operator))
    }

    /// Submits commands; see [`Ledger::submit`].
    pub fn submit(&mut self, commands: Vec<Command>) -> Result<Vec<Submitted>> {
        Ok(self.opened()?.ledger.submit(commands)?)
    }

    /// Submits one command and gives its receipt.
    pub fn submit_one(&mut self, command: Command) -> Result<Receipt> {
        let result = self.submit(vec![command])?.pop();
        accepted(result.ok_or_else(|| {
            CliError::failed(ErrorCode::Internal, "a command came back without a result")
        })?)
    }

    /// Ends well: the checkpoint covers everything.
    pub fn close(&mut self) -> Result<()> {
        match self.opened.take() {
            Some(opened) => Ok(opened.ledger.close()?),
            None => Ok(()),
        }
    }

    /// Reports a failure, and gives the exit status of the contract: 0 done, 1 refused or failed, 2 usage.
    pub fn report(&self, result: Result<()>) -> ExitCode {
        match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(CliError::Usage(detail)) => {
                self.out.note(&format!("error: {detail}\n\nFor more information, try '--help'."));
                ExitCode::from(2)
            }
            Err(CliError::Failed(refusal)) => {
                self.out.failure(&refusal);
                ExitCode::from(1)
            }
            Err(CliError::Reported) => ExitCode::from(1),
            Err(CliError::Status(status)) => ExitCode::from(status),
        }
    }
}

impl Opened {
    fn new(ledger: Ledger) -> Result<Self> {
        let operator = ledger.operator()?;
        Ok(Self { fleet: LocalFleet::default(), ledger, operator })
    }
}
