//! `domicile admin platform-admin create`.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::output::Table;
use super::{Cx, RoleError};
use crate::auth::password::{PasswordPool, PoolLimits};
use crate::auth::token::Token;
use crate::control::access::Role;
use crate::control::admins::{self, FirstFactor};
use crate::control::enrolments;
use crate::control::error::ControlError;

/// The new administrator.
#[derive(Args)]
pub(super) struct Create {
    /// The name to sign in with.
    #[arg(long)]
    login: String,
    /// What the person is there for: `administrator` runs the platform, `support` helps clinics and changes none.
    #[arg(long, default_value = "administrator", value_parser = role)]
    role: Role,
    /// Change nothing, and succeed, if there is one with this login.
    #[arg(long)]
    unless_exists: bool,
    #[command(flatten)]
    way: Way,
}

/// How the administrator begins.
#[derive(Args)]
pub(super) struct Way {
    /// Print a link that makes the first passkey, used once within a day. Where the configuration takes no passwords, that
    /// is what happens anyway.
    #[arg(long, conflicts_with = "password_file")]
    passkey: bool,
    /// File with the password, where the configuration takes passwords; without it one is generated and printed once.
    #[arg(long)]
    password_file: Option<PathBuf>,
}

fn role(word: &str) -> Result<Role, &'static str> {
    Role::parse(word).ok_or("the roles are administrator and support")
}

/// What an administrator begins with, and what is printed of it.
pub(super) struct Start {
    pub(super) first: FirstFactor,
    column: &'static str,
    shown: Value,
}

pub(super) async fn run(cx: &Cx, args: Create) -> Result<Table, RoleError> {
    let start = args.way.start(cx, &args.login).await?;
    let who = (args.login.as_str(), args.role);
    let made = admins::create(&cx.store, cx.by, who, &start.first).await;
    match made {
        Ok(id) => Ok(start.table(who, Some(id))),
        Err(ControlError::Exists(_)) if args.unless_exists => Ok(start.table(who, None)),
        Err(error) => Err(error.into()),
    }
}

impl Start {
    /// The administrator that was made; nothing when there was nothing to make.
    fn table(self, (login, role): (&str, Role), made: Option<uuid::Uuid>) -> Table {
        let mut table = Table::new(match self.column {
            ENROL => &["login", "role", "id", ENROL],
            _ => &["login", "role", "id", PASSWORD],
        });
        if let Some(id) = made {
            table.push(vec![json!(login), json!(role.as_str()), json!(id), self.shown]);
        }
        table
    }

    /// The administrator who begins anew.
    pub(super) fn again(self, login: &str, id: uuid::Uuid) -> Table {
        let mut table = Table::new(match self.column {
            ENROL => &["login", "id", ENROL],
            _ => &["login", "id", PASSWORD],
        });
        table.push(vec![json!(login), json!(id), self.shown]);
        table
    }
}

const ENROL: &str = "enrol";
const PASSWORD: &str = "password";

impl Way {
    /// A link, or the chosen or generated password.
    pub(super) async fn start(&self, cx: &Cx, login: &str) -> Result<Start, RoleError> {
        let takes_passwords = cx.sign_in.takes_passwords();
        if self.password_file.is_some() && !takes_passwords {
            return Err(RoleError::new(
                "this platform takes no passwords; leave --password-file out and hand the link over that is printed",
            ));
        }
        if self.passkey || !takes_passwords {
            let token = Token::random();
            let shown = json!(enrolments::link(&cx.public_url, &token));
            return Ok(Start { first: FirstFactor::Enrolment(token.hash()), column: ENROL, shown });
        }
        let (password, shown) = self.password(login)?;
        let first = FirstFactor::Password(hash(&password).await?);
        Ok(Start { first, column: PASSWORD, shown })
    }

    fn password(&self, login: &str) -> Result<(Zeroizing<String>, Value), RoleError> {
        let Some(path) = &self.password_file else {
            let generated = admins::generated_password();
            let shown = json!(*generated);
            return Ok((generated, shown));
        };
        let text = std::fs::read_to_string(path)
            .map_err(|error| RoleError::while_doing("reading the password", &error))?;
        let password = Zeroizing::new(Zeroizing::new(text).trim_end_matches(['\r', '\n']).to_owned());
        admins::check_password(login, &password)?;
        Ok((password, Value::Null))
    }
}

/// The hash that is stored.
async fn hash(password: &str) -> Result<String, RoleError> {
    let hashing = |error| RoleError::while_doing("hashing the password", &error);
    let pool = PasswordPool::new(PoolLimits { running_max: 1, waiting_max: 0 }).map_err(hashing)?;
    pool.hash(password).await.map_err(hashing)
}
