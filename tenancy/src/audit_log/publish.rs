//! Puts what is sealed into the archive: bundles and tiles first, then the signed checkpoint that makes them count.
//!
//! Every put is idempotent, so a process that is killed between any two of them is followed by one that does the rest.

use std::time::{Duration, SystemTime};

use auditlog::{
    Bundle, Checkpoint, Hash, SignedNote, TILE_WIDTH, bundle_path, checkpoint_path, sign_text, tile_path,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use regions::log::{self, Field};
use tokio_postgres::Client;

use super::sealer::{LogError, Sealer};
use super::state::{LEVELS_MAX, signed, unsigned};
use super::{log_folder, origin};
use crate::archive::ArchiveError;

/// How often what is sealed is published, in seconds.
pub const PUBLISH_EVERY_S: u64 = 5;
/// Puts under way at once.
const PUTS_MAX: usize = 8;

/// What was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Published {
    /// The size that the newest signed checkpoint in the archive states.
    pub size: u64,
    /// Bundles and tiles that were put for it.
    pub files: usize,
}

/// What is to be published.
struct Due {
    epoch: i32,
    from: u64,
    size: u64,
    root: Hash,
}

impl Sealer {
    /// Publishes the newest size of the log, and of last year's log if that is not published to its end.
    ///
    /// # Errors
    /// [`LogError::Forked`] if the archive holds something else; otherwise doing it again is all there is to do.
    pub async fn publish(&self) -> Result<Published, LogError> {
        let client = self.session().await?;
        let published = self.publish_newest(&client).await;
        self.rest(client);
        published
    }

    async fn publish_newest(&self, client: &Client) -> Result<Published, LogError> {
        let mut published = Published::default();
        let Some(row) = client.query_opt("SELECT epoch FROM audit.log", &[]).await? else {
            return Ok(published);
        };
        let newest: i32 = row.get(0);
        for epoch in [newest - 1, newest] {
            if let Some(due) = due(client, epoch).await? {
                published = self.publish_size(client, &due).await?;
            }
        }
        Ok(published)
    }

    async fn publish_size(&self, client: &Client, due: &Due) -> Result<Published, LogError> {
        let until = self.until();
        let mut files = 0;
        let mut names = Vec::new();
        for n in due.from / TILE_WIDTH..due.size.div_ceil(TILE_WIDTH) {
            names.push((None, n, width(due.size, n)));
        }
        let (mut from, mut size) = (due.from, due.size);
        for level in 0..LEVELS_MAX {
            for n in from / TILE_WIDTH..size.div_ceil(TILE_WIDTH) {
                names.push((Some(level), n, width(size, n)));
            }
            (from, size) = (from / TILE_WIDTH, size / TILE_WIDTH);
        }
        let folder = log_folder(self.shard, due.epoch);
        let puts = stream::iter(names).map(|(level, n, width)| {
            let folder = folder.clone();
            async move {
                let (name, bytes) = match level {
                    None => (bundle_path(n, width), bundle(client, due.epoch, (n, width)).await?),
                    Some(level) => (
                        tile_path(u8::try_from(level).unwrap_or_default(), n, width),
                        tile(client, (due.epoch, level), (n, width)).await?,
                    ),
                };
                self.archive.put_once(&format!("{folder}/{name}"), &bytes, until).await?;
                Ok::<(), LogError>(())
            }
        });
        let mut done = puts.buffer_unordered(PUTS_MAX);
        while done.try_next().await?.is_some() {
            files += 1;
        }
        drop(done);
        self.sign(client, due, until).await?;
        Ok(Published { size: due.size, files })
    }

    async fn sign(&self, client: &Client, due: &Due, until: SystemTime) -> Result<(), LogError> {
        let checkpoint =
            Checkpoint { origin: origin(self.region, self.shard, due.epoch), size: due.size, root: due.root };
        let text = checkpoint.to_text();
        let signature = self.signer.sign(text.as_bytes()).await?;
        let mut note = sign_text(&text, &self.key, &signature);
        let name = format!("{}/{}", log_folder(self.shard, due.epoch), checkpoint_path(due.size));
        let version = match self.archive.put_once(&name, note.as_bytes(), until).await {
            Ok(version) => version,
            // A signature is never the same twice: the one that is there must be of the same size and root.
            Err(ArchiveError::Conflict) => {
                let (version, held) = self.archive.get_first(&name).await?;
                let opened =
                    SignedNote::parse(&held).and_then(|note| note.open(std::slice::from_ref(&self.key)));
                if opened.as_ref() != Ok(&checkpoint) {
                    log::security("audit_log_forked", &[Field::Shard(self.shard)]);
                    return Err(LogError::Forked);
                }
                note = String::from_utf8(held).map_err(|_invalid| LogError::Forked)?;
                version
            }
            Err(error) => return Err(error.into()),
        };
        let size = signed(due.size);
        client
            .execute(
                "UPDATE audit.checkpoint SET note = $1, version = $2 WHERE epoch = $3 AND size = $4",
                &[&note, &version.as_str(), &due.epoch, &size],
            )
            .await?;
        // What lies below is in the archive now; sizes in between were never published.
        client
            .execute(
                "DELETE FROM audit.checkpoint WHERE epoch = $1 AND size < $2 AND version IS NULL",
                &[&due.epoch, &size],
            )
            .await?;
        client
            .execute(
                "DELETE FROM audit.bundle WHERE epoch = $1 AND n < $2",
                &[&due.epoch, &signed(due.size / TILE_WIDTH)],
            )
            .await?;
        Ok(())
    }

    pub(super) fn until(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.clock.now_unix_ms()) + self.kept()
    }

    /// Puts the verifier key where operators find it. Whoever checks the log must have it from elsewhere.
    pub(super) async fn publish_key(&self) -> Result<(), LogError> {
        let text = format!("{}\n", self.key.to_text());
        let id = text.split('+').nth(1).unwrap_or_default().to_owned();
        let name = format!("{}/key/{id}", super::shard_folder(self.shard));
        self.archive.put_once(&name, text.as_bytes(), self.until()).await?;
        Ok(())
    }
}

/// The newest size of a year's log if it is not published, and the one before it that is.
async fn due(client: &Client, epoch: i32) -> Result<Option<Due>, LogError> {
    let row = client
        .query_opt(
            "SELECT size, root, version IS NOT NULL FROM audit.checkpoint WHERE epoch = $1 ORDER BY size DESC LIMIT 1",
            &[&epoch],
        )
        .await?;
    let Some(row) = row.filter(|row| !row.get::<_, bool>(2)) else { return Ok(None) };
    let before = client
        .query_opt(
            "SELECT size FROM audit.checkpoint WHERE epoch = $1 AND version IS NOT NULL ORDER BY size DESC LIMIT 1",
            &[&epoch],
        )
        .await?;
    Ok(Some(Due {
        epoch,
        from: before.map_or(0, |row| unsigned(row.get(0))),
        size: unsigned(row.get(0)),
        root: row.get::<_, &[u8]>(1).try_into().map_err(|_length| LogError::Damaged)?,
    }))
}

fn width(size: u64, n: u64) -> u64 {
    TILE_WIDTH.min(size.saturating_sub(n * TILE_WIDTH))
}

/// The first `width` entries of a bundle, which may have grown since.
async fn bundle(client: &Client, epoch: i32, (n, width): (u64, u64)) -> Result<Vec<u8>, LogError> {
    let row = client
        .query_opt("SELECT entries FROM audit.bundle WHERE epoch = $1 AND n = $2", &[&epoch, &signed(n)])
        .await?
        .ok_or(LogError::Damaged)?;
    let (all, mut first) = (Bundle::from_bytes(row.get(0)), Bundle::default());
    let mut count = 0;
    for entry in all.entries().take(usize::try_from(width).unwrap_or_default()) {
        let entry = entry.map_err(|_format| LogError::Damaged)?;
        first.push(entry).map_err(|_format| LogError::Damaged)?;
        count += 1;
    }
    if count == width { Ok(first.as_bytes().to_vec()) } else { Err(LogError::Damaged) }
}

/// The first `width` hashes of a tile.
async fn tile(
    client: &Client,
    (epoch, level): (i32, i32),
    (n, width): (u64, u64),
) -> Result<Vec<u8>, LogError> {
    let row = client
        .query_opt(
            "SELECT hashes FROM audit.tile WHERE epoch = $1 AND level = $2 AND n = $3",
            &[&epoch, &level, &signed(n)],
        )
        .await?
        .ok_or(LogError::Damaged)?;
    let mut hashes: Vec<u8> = row.get(0);
    let wanted = usize::try_from(width).unwrap_or_default() * 32;
    if hashes.len() < wanted {
        return Err(LogError::Damaged);
    }
    hashes.truncate(wanted);
    Ok(hashes)
}
