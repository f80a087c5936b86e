//! Scans everything a stack leaves on disk or says about itself for what must not be there.
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use memchr::memmem::Finder;

use crate::e2e::doors::metrics;
use crate::e2e::{World, records};
use crate::fail::{Attempt, Fail, Outcome};
use crate::layout::REGIONS;
use crate::pg::sql;
use crate::stack::bring_up::clusters;
use crate::stack::roles::CONTROL;

/// A searched-for string in one spelling.
struct Needle {
    spelling: &'static str,
    bytes: Vec<u8>,
}

/// No planted value is readable in a database file, WAL, log, object or metric: as text, hex or base64.
pub(super) async fn no_plaintext(world: &World) -> Outcome<()> {
    flush(world).await?;
    let needles: Vec<Needle> =
        records::planted_texts(world).iter().flat_map(|text| spellings(text)).collect();
    let mut found = Vec::new();
    for folder in ["data", "logs", "mail", "sms", "run"] {
        found.extend(scan(&world.stack.home.dir().join(folder), &needles)?);
    }
    for port in admin_ports(world) {
        let text = metrics(port).await?.into_bytes();
        found.extend(hits(&text, &needles).map(|spelling| format!("metrics on port {port} ({spelling})")));
    }
    if !found.is_empty() {
        return Err(Fail::new(format!("planted strings are readable in: {}", found.join(", "))));
    }
    scan_can_find(world)
}

/// The scan finds what is there in clear, so that its silence means something.
fn scan_can_find(world: &World) -> Outcome<()> {
    let [region, _] = &REGIONS;
    let needle = [Needle { spelling: "text", bytes: region.clinic.legal_name.as_bytes().to_vec() }];
    let found = scan(&world.stack.home.data(CONTROL), &needle)?;
    if found.is_empty() { Err(Fail::new("the scan does not find what is there in clear")) } else { Ok(()) }
}

/// A patient's id is in its home region's files, and in no file of the other region or of the control plane.
pub(super) async fn no_foreign_record(world: &World) -> Outcome<()> {
    flush(world).await?;
    for (clinic, region) in world.demo.clinics.iter().zip(&REGIONS) {
        for id in records::ids(world, clinic).await? {
            let needles = id_spellings(&id)?;
            let home = scan(&world.stack.home.data(region.code), &needles)?;
            if home.is_empty() {
                return Err(Fail::new(format!(
                    "a record of {} is not even in its home region's files",
                    clinic.slug
                )));
            }
            let elsewhere = REGIONS.iter().map(|other| other.code).filter(|code| *code != region.code);
            for part in elsewhere.chain([CONTROL]) {
                known_elsewhere(world, clinic.slug.as_str(), part, &needles).await?;
            }
        }
    }
    Ok(())
}

/// Fails where `part` (another region, or the control plane) has a needle in a file, a log or a metric.
async fn known_elsewhere(world: &World, slug: &str, part: &str, needles: &[Needle]) -> Outcome<()> {
    let home = &world.stack.home;
    let mut found = Vec::new();
    for folder in [home.data(part), home.logs(part)] {
        found.extend(scan(&folder, needles)?);
    }
    for port in admin_ports_of(world, part) {
        let text = metrics(port).await?.into_bytes();
        found.extend(hits(&text, needles).map(|spelling| format!("metrics on port {port} ({spelling})")));
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(Fail::new(format!("a record id of {slug} is known in {}", found.join(", "))))
}

/// Has every cluster write its pages to disk.
async fn flush(world: &World) -> Outcome<()> {
    for cluster in clusters(&world.stack, &world.postgres, None) {
        let client = sql::connect(&cluster.superuser_access("postgres")).await?;
        sql::run(&client, "checkpoint").await?;
    }
    Ok(())
}

fn spellings(mark: &str) -> Vec<Needle> {
    let mut needles = vec![
        Needle { spelling: "text", bytes: mark.as_bytes().to_vec() },
        Needle { spelling: "upper-case text", bytes: mark.to_uppercase().into_bytes() },
        Needle { spelling: "hex", bytes: hex(mark.as_bytes()).into_bytes() },
    ];
    // Base64 of a text inside a longer one depends on where it begins, modulo three; letters that also hold bits of a
    // neighbour are cut off.
    for (shift, first_whole) in [(0, 0), (1, 2), (2, 3)] {
        let padded = [vec![0; shift], mark.as_bytes().to_vec()].concat();
        let whole = padded.len() * 8 / 6;
        let text = STANDARD_NO_PAD.encode(padded).into_bytes();
        let middle = text.get(first_whole..whole).unwrap_or_default().to_vec();
        needles.push(Needle { spelling: "base64", bytes: middle });
    }
    needles
}

fn id_spellings(id: &str) -> Outcome<Vec<Needle>> {
    let bare = id.rsplit('_').next().unwrap_or(id);
    let bytes = base32(bare).ok_or_else(|| Fail::new(format!("{id} is not a record id")))?;
    let text = hex(&bytes);
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let uuid = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-");
    Ok(vec![
        Needle { spelling: "id", bytes: bare.as_bytes().to_vec() },
        Needle { spelling: "bytes", bytes },
        Needle { spelling: "hex", bytes: text.into_bytes() },
        Needle { spelling: "uuid", bytes: uuid.into_bytes() },
    ])
}

/// RFC 4648 base32 in lower case without padding.
fn base32(text: &str) -> Option<Vec<u8>> {
    let (mut bits, mut held, mut bytes) = (0_u32, 0_u32, Vec::new());
    for c in text.bytes() {
        let value = b"abcdefghijklmnopqrstuvwxyz234567".iter().position(|one| *one == c)?;
        bits = (bits << 5) | u32::try_from(value).ok()?;
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from((bits >> held) & 0xff).ok()?);
            bits &= (1 << held) - 1;
        }
    }
    Some(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every file under `folder` that holds a needle. Files that vanish meanwhile (WAL, temporary ones) hold nothing; what
/// is there and cannot be read might, so that is a failure.
fn scan(folder: &Path, needles: &[Needle]) -> Outcome<Vec<String>> {
    let mut found = Vec::new();
    if !folder.is_dir() {
        return Err(Fail::new(format!("{} is not there to be searched", folder.display())));
    }
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let listed = std::fs::read_dir(&next).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        for entry in unless_gone(listed, &next)?.unwrap_or_default() {
            let path = entry.path();
            let Some(kind) = unless_gone(entry.file_type(), &path)? else { continue };
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                let bytes = unless_gone(std::fs::read(&path), &path)?.unwrap_or_default();
                found
                    .extend(hits(&bytes, needles).map(|spelling| format!("{} ({spelling})", path.display())));
            }
        }
    }
    Ok(found)
}

fn unless_gone<T>(read: std::io::Result<T>, path: &Path) -> Outcome<Option<T>> {
    match read {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        other => other.attempt(|| format!("search {}", path.display())).map(Some),
    }
}

fn hits(bytes: &[u8], needles: &[Needle]) -> impl Iterator<Item = &'static str> {
    needles
        .iter()
        .filter(|needle| Finder::new(&needle.bytes).find(bytes).is_some())
        .map(|needle| needle.spelling)
}

fn admin_ports(world: &World) -> Vec<u16> {
    let parts = REGIONS.iter().map(|region| region.code).chain([CONTROL]);
    parts.flat_map(|part| admin_ports_of(world, part)).collect()
}

fn admin_ports_of(world: &World, part: &str) -> Vec<u16> {
    let Some(region) = REGIONS.iter().find(|region| region.code == part) else {
        return vec![world.stack.ports.control_admin()];
    };
    let own = world.stack.ports.region(region);
    vec![own.front_door_admin(), own.backend_admin(), own.worker_admin()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_mark_is_found() {
        let mark = "zqxvplantedmark";
        let needles = spellings(mark);
        let encoded = |before: &str| STANDARD_NO_PAD.encode(format!("{before}{mark} and more"));
        let texts = [
            format!("a {mark} b"),
            mark.to_uppercase(),
            hex(mark.as_bytes()),
            encoded(""),
            encoded("1"),
            encoded("22"),
        ];
        for text in texts {
            assert!(hits(text.as_bytes(), &needles).next().is_some(), "{text}");
        }
        assert!(hits(b"nothing planted here", &needles).next().is_none());
    }

    #[test]
    fn what_cannot_be_searched_is_not_taken_for_clean() {
        let dir = tempfile::tempdir().unwrap();
        assert!(scan(&dir.path().join("missing"), &spellings("mark")).is_err());
        // A file that is a folder to whoever opens it: reading fails for every account, root included.
        assert!(unless_gone(std::fs::read(dir.path()), dir.path()).is_err());
        std::fs::create_dir(dir.path().join("inner")).unwrap();
        std::fs::write(dir.path().join("inner/file"), "a mark").unwrap();
        assert_eq!(scan(dir.path(), &spellings("mark")).unwrap().len(), 1);
    }

    #[test]
    fn ids_are_decoded() {
        assert_eq!(base32("aaaaaaaaaaaaaaaaaaaaaaaaaa"), Some(vec![0; 16]));
        assert_eq!(base32("74aaaaaaaaaaaaaaaaaaaaaaaa").and_then(|bytes| bytes.first().copied()), Some(0xff));
        assert_eq!(base32("?"), None);
    }
}
