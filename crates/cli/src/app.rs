//! What the commands of one process share: the ledger, opened once, and the nodes' stores.

use crate::{
    error::{CliError, Result, accepted},
    output::Output,
};
use journal::{Ledger, RocksStore, Submitted};
use node::LocalFleet;
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
        opened.refresh();
        Ok(&mut opened.fleet)
    }

    /// State and stores together.
    pub fn parts(&mut self) -> Result<(&State<RocksStore>, &LocalFleet)> {
        let opened = self.opened()?;
        opened.refresh();
        Ok((opened.ledger.state(), &opened.fleet))
    }

    /// A command of the operator's, unsigned: the checkpoint answers for it.
    pub fn command(&mut self, action: Action) -> Result<Command> {
        let opened = self.opened()?;
        Ok(opened.command(&opened.operator, action))
    }

    /// A command signed with the operator's key.
    pub fn signed(&mut self, action: Action) -> Result<Command> {
        let opened = self.opened()?;
        opened.signed(&opened.operator, action)
    }

    /// Takes up the operator's key after a rotation.
    pub fn take_up_operator(&mut self) -> Result<()> {
        let opened = self.opened()?;
        opened.operator = opened.ledger.operator()?;
        Ok(())
    }

    /// A command signed by `signer`, on the account that it answers for.
    pub fn signed_by(&mut self, action: Action, signer: &dyn Signer) -> Result<Command> {
        self.opened()?.signed(signer, action)
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

    /// Takes up nodes that were registered since the last time.
    fn refresh(&mut self) {
        let nodes = self.ledger.state().nodes();
        self.fleet.refresh(nodes, |node| self.ledger.node_dir(node));
    }

    fn command(&self, payer: &dyn Signer, action: Action) -> Command {
        Command {
            id: self.ledger.fresh_id(),
            valid_until_epoch: self.ledger.state().epoch(),
            payer: self.account_of(payer),
            action,
            authorization: Authorization::Operator,
        }
    }

    /// The operator's account stays what it was when its key changes (KY-5).
    fn account_of(&self, signer: &dyn Signer) -> AccountId {
        let (key, state) = (signer.public_key(), self.ledger.state());
        let operators = state.operator().filter(|_| state.operator_key() == Some(&key));
        operators.unwrap_or_else(|| AccountId::of(&key))
    }

    fn signed(&self, signer: &dyn Signer, action: Action) -> Result<Command> {
        let ledger_id = self.ledger.state().ledger_id().ok_or_else(|| {
            CliError::failed(ErrorCode::AegisContextMissing, "the ledger has no genesis")
        })?;
        Ok(self.command(signer, action).sign(&ledger_id, signer))
    }
}
