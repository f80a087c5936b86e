//! Executes the commands of the runbooks and of some other pages as they stand: what is written for three in the morning has run before.
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::e2e::World;
use crate::fail::{Attempt, Fail, Outcome};
use crate::layout::{REGIONS, local};
use crate::pg::sql;
use crate::places::read_text;
use crate::stack::bring_up::clusters;
use crate::stack::databases::CONTROL_DATABASE;
use crate::stack::roles::{CONTROL, Role, process_name};

/// The fence of a block that is executed; every other block says that it is not.
const EXECUTED: &str = "```sh run";
const PAGES: &str = "docs/runbooks";
const OTHERS: [&str; 2] = ["docs/audit.md", "docs/deploy.md"];

/// Runs each block of each page in a shell of its own that ends at the first command that fails; then closes the shard that a page
/// adds and nobody serves, because a clinic taken on there would never be built.
pub(super) async fn commands(world: &World) -> Outcome<()> {
    let executed = execute_all(world);
    close_added_shards(world).await?;
    executed
}

async fn close_added_shards(world: &World) -> Outcome<()> {
    let all = clusters(&world.stack, &world.postgres, None);
    let control = all.iter().find(|cluster| cluster.part == CONTROL);
    let control = control.ok_or_else(|| Fail::new("the control plane has no cluster"))?;
    let client = sql::connect(&control.superuser_access(CONTROL_DATABASE)).await?;
    sql::run(&client, "update platform.shard set state = 'closed' where id > 1").await
}

fn execute_all(world: &World) -> Outcome<()> {
    let mut executed = 0;
    for page in pages(&world.stack.root)? {
        for block in blocks(&read_text(&page)?) {
            execute(world, &page, &block)?;
            executed += 1;
        }
    }
    println!("{executed} blocks of the runbooks were executed");
    if executed == 0 { Err(Fail::new(format!("{PAGES} has no block to execute"))) } else { Ok(()) }
}

fn pages(root: &Path) -> Outcome<Vec<PathBuf>> {
    let folder = root.join(PAGES);
    let entries = std::fs::read_dir(&folder).attempt(|| format!("list {PAGES}"))?;
    let mut pages: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages.extend(OTHERS.iter().map(|page| root.join(page)));
    pages.sort();
    Ok(pages)
}

/// The text of each executed block, without the indent of the list it may stand in.
fn blocks(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<String> = None;
    for line in text.lines().map(str::trim_start) {
        match &mut open {
            None if line == EXECUTED => open = Some(String::new()),
            None => {}
            Some(_) if line == "```" => found.extend(open.take()),
            Some(block) => {
                block.push_str(line);
                block.push('\n');
            }
        }
    }
    found
}

fn execute(world: &World, page: &Path, block: &str) -> Outcome<()> {
    let stack = &world.stack;
    let [region, _] = &REGIONS;
    let path = format!("{}:{}:/usr/bin:/bin", stack.binaries.display(), world.postgres.dir.display());
    let mut command = Command::new("sh");
    command.args(["-euc", block]).current_dir(&stack.root).env("PATH", path);
    command.env("CONTROL", stack.config_file(CONTROL));
    command.env("WORKER", stack.config_file(&process_name(region, Role::Worker)));
    command.env("ADMIN", local(stack.admin_port(region, Role::FrontDoor)));
    command.env("AWS_ACCESS_KEY_ID", "local").env("AWS_SECRET_ACCESS_KEY", "local-secret");
    let output = command.output().attempt(|| "start a shell".to_owned())?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let name = page.file_name().unwrap_or_default().to_string_lossy();
    Err(Fail::new(format!("{name}: this block fails:\n{block}{}", String::from_utf8_lossy(&said))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marked_blocks_are_executed_and_indents_are_taken_off() {
        let text = "a\n   ```sh run\n   true\n   ```\n```sh aws\nfalse\n```\n```sh run\necho 1\n```\n";
        assert_eq!(blocks(text), ["true\n", "echo 1\n"]);
    }
}
