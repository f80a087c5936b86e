//! `domicile admin platform-admin create`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::output::Table;
use super::{Cx, RoleError};
use crate::auth::password::{PasswordPool, PoolLimits};
use crate::control::access::Role;
use crate::control::admins;
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
    /// File with the password; without it one is generated and printed once.
    #[arg(long)]
    password_file: Option<PathBuf>,
}

fn role(word: &str) -> Result<Role, &'static str> {
    Role::parse(word).ok_or("the roles are administrator and support")
}

pub(super) async fn run(cx: &Cx, args: Create) -> Result<Table, RoleError> {
    let (password, shown) = password(&args.login, args.password_file.as_deref())?;
    let phc = hash(&password).await?;
    let mut table = Table::new(&["login", "role", "id", "password"]);
    match admins::create(&cx.store, cx.by, (&args.login, args.role), phc).await {
        Ok(id) => table.push(vec![json!(args.login), json!(args.role.as_str()), json!(id), shown]),
        Err(ControlError::Exists(_)) if args.unless_exists => {}
        Err(error) => return Err(error.into()),
    }
    Ok(table)
}

/// The chosen or generated password, and what may be printed of it.
pub(super) fn password(login: &str, file: Option<&Path>) -> Result<(Zeroizing<String>, Value), RoleError> {
    let Some(path) = file else {
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

/// The hash that is stored.
pub(super) async fn hash(password: &str) -> Result<String, RoleError> {
    let hashing = |error| RoleError::while_doing("hashing the password", &error);
    let pool = PasswordPool::new(PoolLimits { running_max: 1, waiting_max: 0 }).map_err(hashing)?;
    pool.hash(password).await.map_err(hashing)
}
