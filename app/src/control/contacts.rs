//! How the regions are, by what their processes say when they come: when each was heard, which version of the directory it has,
//! and which shards answer. It is kept in memory, because it is about this minute, and told to the control plane's other processes.
//!
//! The rule. A process asks what is new in the directory and is answered at once or when its poll is over, which is after 30 s at
//! most; then it asks again. Until two such waits after its last question it is healthy, until six it is late, then silent; of one
//! that never asked nothing is known. A region is as its worst role is. A shard is what its region's worker found when it
//! looked, by the same ages; one that nobody has reported is unknown, never healthy.
//!
//! A process keeps one connection, and has the version that it asked after there. Of several of a role the lowest counts, so
//! that one which is stuck is not hidden by those that are not.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use regions::clock::Clock;
use regions::ids::ShardId;
use regions::region::RegionName;
use serde::{Deserialize, Serialize};

use super::feed::{Peer, PeerRole, WAIT_MAX_MS};
use super::work::{ShardLook, looks_of, looks_text};

/// How long ago the last word of what is healthy may be, in milliseconds.
pub const HEALTHY_MAX_MS: u64 = 2 * WAIT_MAX_MS;
/// How long ago the last word of what is late may be, in milliseconds.
pub const LATE_MAX_MS: u64 = 6 * WAIT_MAX_MS;
/// Most connections that are remembered: those of two processes of the control plane, each with as many as it takes.
const LINES_MAX: usize = 8_192;
/// Most pairs of region and role that are remembered: the most regions, three roles each.
const ROLES_MAX: usize = 192;
/// Most shards that are remembered, over all regions.
const SHARDS_MAX: usize = 65_536;
/// Most words that wait to be told to the other processes; the oldest are dropped first, and said again by whoever said them.
const UNTOLD_MAX: usize = 4_096;

/// How something of a region is, the better before the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// Heard in time.
    Healthy,
    /// Never heard since this process started.
    Unknown,
    /// Not heard when it should have been.
    Late,
    /// Not heard for so long that it is gone or cut off.
    Silent,
    /// A shard that did not answer its region's worker, or is not the shard it should be.
    Down,
}

impl Health {
    /// The word callers see.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Unknown => "unknown",
            Self::Late => "late",
            Self::Silent => "silent",
            Self::Down => "down",
        }
    }

    /// What the age of the last word says, in milliseconds.
    #[must_use]
    pub const fn of_age(age_ms: u64) -> Self {
        if age_ms <= HEALTHY_MAX_MS {
            Self::Healthy
        } else if age_ms <= LATE_MAX_MS {
            Self::Late
        } else {
            Self::Silent
        }
    }
}

/// What is known of one role of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoleContact {
    /// How it is.
    pub health: Health,
    /// Seconds since any process of the role asked; none when none did.
    pub heard_s: Option<u64>,
    /// The lowest version that its processes have; none when one of them has none yet.
    pub version: Option<u64>,
    /// How many connections asked in time: one a process, two for a moment when it connects anew.
    pub processes: usize,
}

/// What is known of one shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardContact {
    /// How it is.
    pub health: Health,
    /// Seconds since its region's worker looked; none when no look was reported.
    pub checked_s: Option<u64>,
}

/// What was heard, here or by another process of the control plane.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    /// A process asked; with the version it has unless it asked for a snapshot.
    Asked { line: u64, region: RegionName, role: PeerRole, version: Option<u64> },
    /// A connection ended.
    Gone { line: u64 },
    /// A worker's looks at its shards.
    Shards { region: RegionName, looks: String },
}

/// A word on its way to the other processes.
#[derive(Serialize, Deserialize)]
struct Told {
    /// Which process heard it, so that it passes over its own words.
    from: u64,
    word: Word,
}

/// A process's version and when it said so.
#[derive(Clone, Copy)]
struct Said {
    version: Option<u64>,
    at_ms: u64,
}

/// An open connection of a process.
struct Line {
    of: (RegionName, PeerRole),
    said: Said,
}

/// The last look at a shard.
#[derive(Clone, Copy)]
struct Look {
    answers: bool,
    at_ms: u64,
}

#[derive(Default)]
struct State {
    lines: BTreeMap<u64, Line>,
    /// The last word of each role; it outlives the connection.
    roles: BTreeMap<(RegionName, PeerRole), Said>,
    shards: BTreeMap<(RegionName, ShardId), Look>,
    untold: VecDeque<Word>,
}

/// Everything that was heard.
pub struct Contacts {
    state: Mutex<State>,
    clock: Clock,
    /// This process among those of the control plane.
    own: u64,
}

/// A connection of a process; its end is noted when this is dropped.
pub struct Connected {
    contacts: Arc<Contacts>,
    line: u64,
    peer: Peer,
}

impl Connected {
    /// Notes that the process asked, and after which version; none when it asked for a snapshot.
    pub fn asked(&self, version: Option<u64>) {
        let Peer { role, region } = self.peer;
        self.contacts.say(Word::Asked { line: self.line, region, role, version });
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        // Most connections of workers bring work and were never noted.
        if self.contacts.state.lock().lines.contains_key(&self.line) {
            self.contacts.say(Word::Gone { line: self.line });
        }
    }
}

impl Contacts {
    /// Nothing heard yet.
    #[must_use]
    pub fn new(clock: Clock) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), clock, own: random_number() })
    }

    /// A new connection of a process.
    #[must_use]
    pub fn connected(self: &Arc<Self>, peer: Peer) -> Connected {
        Connected { contacts: Arc::clone(self), line: random_number(), peer }
    }

    /// Notes what a region's worker found when it looked at its shards.
    pub fn looked(&self, region: RegionName, looks: &[ShardLook]) {
        if !looks.is_empty() {
            self.say(Word::Shards { region, looks: looks_text(looks) });
        }
    }

    /// How one role of a region is.
    #[must_use]
    pub fn role(&self, region: RegionName, role: PeerRole) -> RoleContact {
        let (now_ms, of, state) = (self.clock.now_unix_ms(), (region, role), self.state.lock());
        let Some(last) = state.roles.get(&of) else {
            return RoleContact { health: Health::Unknown, heard_s: None, version: None, processes: 0 };
        };
        let in_time =
            || state.lines.values().filter(move |line| line.of == of && line.said.is_in_time(now_ms));
        let age_ms = now_ms.saturating_sub(last.at_ms);
        RoleContact {
            health: Health::of_age(age_ms),
            heard_s: Some(age_ms / 1_000),
            // No version sorts before every version.
            version: in_time().map(|line| line.said.version).min().unwrap_or(last.version),
            processes: in_time().count(),
        }
    }

    /// How a region is: as its worst role.
    #[must_use]
    pub fn region(&self, region: RegionName) -> Health {
        let each = PeerRole::ALL.into_iter().map(|role| self.role(region, role).health);
        each.max().unwrap_or(Health::Unknown)
    }

    /// How a shard is.
    #[must_use]
    pub fn shard(&self, region: RegionName, shard: ShardId) -> ShardContact {
        let now_ms = self.clock.now_unix_ms();
        let Some(look) = self.state.lock().shards.get(&(region, shard)).copied() else {
            return ShardContact { health: Health::Unknown, checked_s: None };
        };
        let age_ms = now_ms.saturating_sub(look.at_ms);
        let by_age = Health::of_age(age_ms);
        let health = if by_age == Health::Healthy && !look.answers { Health::Down } else { by_age };
        ShardContact { health, checked_s: Some(age_ms / 1_000) }
    }

    /// What the other processes of the control plane have not been told yet, as one payload each; it is theirs from now on.
    #[must_use]
    pub fn take_untold(&self) -> Vec<String> {
        let untold = std::mem::take(&mut self.state.lock().untold);
        let payload = |word| serde_json::to_string(&Told { from: self.own, word }).ok();
        untold.into_iter().filter_map(payload).collect()
    }

    /// Takes what a process of the control plane tells. What cannot be read is of another version of the program and is passed over.
    pub fn told(&self, payload: &str) {
        if let Ok(told) = serde_json::from_str::<Told>(payload)
            && told.from != self.own
        {
            self.state.lock().take(&told.word, self.clock.now_unix_ms());
        }
    }

    fn say(&self, word: Word) {
        let mut state = self.state.lock();
        state.take(&word, self.clock.now_unix_ms());
        if state.untold.len() >= UNTOLD_MAX {
            state.untold.pop_front();
        }
        state.untold.push_back(word);
    }
}

impl Said {
    fn is_in_time(self, now_ms: u64) -> bool {
        Health::of_age(now_ms.saturating_sub(self.at_ms)) == Health::Healthy
    }
}

impl State {
    fn take(&mut self, word: &Word, now_ms: u64) {
        match word {
            Word::Asked { line, region, role, version } => {
                self.asked(*line, (*region, *role), Said { version: *version, at_ms: now_ms });
            }
            Word::Gone { line } => {
                self.lines.remove(line);
            }
            Word::Shards { region, looks } => {
                for look in looks_of(looks).unwrap_or_default() {
                    self.looked(*region, look, now_ms);
                }
            }
        }
    }

    fn asked(&mut self, line: u64, of: (RegionName, PeerRole), said: Said) {
        if self.roles.len() < ROLES_MAX || self.roles.contains_key(&of) {
            let role = self.roles.entry(of).or_insert(said);
            *role = Said { version: said.version.or(role.version), ..said };
        }
        if self.lines.len() >= LINES_MAX && !self.lines.contains_key(&line) {
            // Connections of a process of the control plane that ended without a word.
            self.lines.retain(|_, line| line.said.is_in_time(said.at_ms));
        }
        if self.lines.len() < LINES_MAX || self.lines.contains_key(&line) {
            let line = self.lines.entry(line).or_insert(Line { of, said });
            line.said = Said { version: said.version.or(line.said.version), ..said };
        }
    }

    fn looked(&mut self, region: RegionName, look: ShardLook, now_ms: u64) {
        let of = (region, look.shard);
        if self.shards.len() < SHARDS_MAX || self.shards.contains_key(&of) {
            let at_ms = now_ms.saturating_sub(look.age_s.saturating_mul(1_000));
            self.shards.insert(of, Look { answers: look.answers, at_ms });
        }
    }
}

fn random_number() -> u64 {
    u64::from_le_bytes(regions::random::bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_000_000;

    fn us() -> RegionName {
        "us-east-1".parse().unwrap()
    }

    fn front_door() -> Peer {
        "front-door.us-east-1".parse().unwrap()
    }

    #[test]
    fn two_waits_are_healthy_six_are_late_and_more_is_silence() {
        for (age_ms, health) in [
            (0, Health::Healthy),
            (HEALTHY_MAX_MS, Health::Healthy),
            (HEALTHY_MAX_MS + 1, Health::Late),
            (LATE_MAX_MS, Health::Late),
            (LATE_MAX_MS + 1, Health::Silent),
            (u64::MAX, Health::Silent),
        ] {
            assert_eq!(Health::of_age(age_ms), health, "{age_ms}");
        }
    }

    #[test]
    fn a_region_is_as_its_worst_role_and_unknown_until_all_were_heard() {
        let (clock, time) = Clock::manual(NOW_MS);
        let contacts = Contacts::new(clock);
        assert_eq!(contacts.region(us()), Health::Unknown);
        let lines: Vec<Connected> = ["front-door.us-east-1", "backend.us-east-1", "worker.us-east-1"]
            .map(|name| contacts.connected(name.parse().unwrap()))
            .into();
        lines[0].asked(Some(7));
        lines[1].asked(Some(7));
        assert_eq!(contacts.region(us()), Health::Unknown);
        lines[2].asked(Some(7));
        assert_eq!(contacts.region(us()), Health::Healthy);
        time.advance_ms(HEALTHY_MAX_MS + 1);
        lines[0].asked(Some(7));
        assert_eq!(contacts.region(us()), Health::Late);
        assert_eq!(contacts.region("ap-south-1".parse().unwrap()), Health::Unknown);
    }

    #[test]
    fn the_lowest_version_of_a_role_counts_as_long_as_its_process_is_connected() {
        let (clock, time) = Clock::manual(NOW_MS);
        let contacts = Contacts::new(clock);
        let (stuck, well) = (contacts.connected(front_door()), contacts.connected(front_door()));
        stuck.asked(Some(3));
        well.asked(Some(9));
        let of = || contacts.role(us(), PeerRole::FrontDoor);
        assert_eq!((of().version, of().processes), (Some(3), 2));
        // A snapshot is no version; what was had before is had until it is replaced.
        well.asked(None);
        assert_eq!(of().version, Some(3));
        drop(stuck);
        assert_eq!((of().version, of().processes), (Some(9), 1));
        let fresh = contacts.connected(front_door());
        fresh.asked(None);
        assert_eq!(of().version, None);
        drop((well, fresh));
        time.advance_ms(LATE_MAX_MS + 1);
        let gone = of();
        assert_eq!((gone.health, gone.version, gone.processes), (Health::Silent, Some(9), 0));
        assert_eq!(gone.heard_s, Some((LATE_MAX_MS + 1) / 1_000));
    }

    #[test]
    fn a_shard_is_down_only_by_a_look_that_is_not_too_old() {
        let (clock, time) = Clock::manual(NOW_MS);
        let contacts = Contacts::new(clock);
        let look = |shard, answers, age_s| ShardLook { shard: ShardId(shard), answers, age_s };
        contacts.looked(us(), &[look(1, true, 5), look(2, false, 0)]);
        let of = |shard| contacts.shard(us(), ShardId(shard));
        assert_eq!(of(1), ShardContact { health: Health::Healthy, checked_s: Some(5) });
        assert_eq!(of(2).health, Health::Down);
        assert_eq!(of(3), ShardContact { health: Health::Unknown, checked_s: None });
        time.advance_ms(HEALTHY_MAX_MS);
        assert_eq!((of(1).health, of(2).health), (Health::Late, Health::Down));
        time.advance_ms(LATE_MAX_MS);
        assert_eq!((of(1).health, of(2).health), (Health::Silent, Health::Silent));
    }

    #[test]
    fn processes_of_the_control_plane_tell_each_other_and_pass_over_their_own_words() {
        let (clock, _time) = Clock::manual(NOW_MS);
        let (one, other) = (Contacts::new(clock.clone()), Contacts::new(clock));
        let line = one.connected(front_door());
        line.asked(Some(4));
        one.looked(us(), &[ShardLook { shard: ShardId(1), answers: true, age_s: 0 }]);
        let words = one.take_untold();
        assert_eq!((words.len(), one.take_untold().len()), (2, 0));
        words.iter().for_each(|word| other.told(word));
        assert_eq!(other.role(us(), PeerRole::FrontDoor).version, Some(4));
        assert_eq!(other.shard(us(), ShardId(1)).health, Health::Healthy);
        assert!(other.take_untold().is_empty(), "what was told is not told on");
        drop(line);
        // Its own word from before does not bring the connection back.
        words.iter().for_each(|word| one.told(word));
        assert_eq!(one.role(us(), PeerRole::FrontDoor).processes, 0);
        one.take_untold().iter().for_each(|word| other.told(word));
        assert_eq!(other.role(us(), PeerRole::FrontDoor).processes, 0);
        for noise in ["", "{}", "4", r#"{"from":1,"word":{"shouted":{}}}"#] {
            other.told(noise);
        }
    }

    #[test]
    fn what_is_remembered_and_what_waits_has_a_bound() {
        let (clock, time) = Clock::manual(NOW_MS);
        let contacts = Contacts::new(clock);
        for line in 0..u64::try_from(LINES_MAX).unwrap() + 1 {
            let asked = Word::Asked { line, region: us(), role: PeerRole::Backend, version: Some(1) };
            contacts.say(asked);
        }
        assert_eq!(contacts.role(us(), PeerRole::Backend).processes, LINES_MAX);
        assert_eq!(contacts.take_untold().len(), UNTOLD_MAX);
        time.advance_ms(HEALTHY_MAX_MS + 1);
        contacts.connected(front_door()).asked(Some(1));
        assert!(contacts.state.lock().lines.len() <= 1, "what ended without a word makes room");
    }
}
