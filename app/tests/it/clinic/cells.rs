//! Every role at every route, in the own and in another clinic, about the own patient, another one, another clinic's and
//! nobody, with every kind of tie: what the reviewed matrix says, in more than five thousand cells, and nothing else.
//!
//! What is expected comes from `tests/ratchets/authz-matrix.txt` and from the table of reach below, not from the code that
//! decides. A new route is walked without being told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use app::access::{Action, Audience, Policy, Role};
use app::patients::model::PatientId;
use app::relationships::model::Tie;
use app::routes::{ROUTES, Route};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use tenancy::reach::Reach;

use crate::support::{Actor, Answer, Options, World, patient, sample_body, sample_path};

/// The reviewed matrix.
const REVIEWED: &str = include_str!("../../ratchets/authz-matrix.txt");
/// Fewest cells that count as the whole.
const CELLS_MIN: usize = 5_000;
/// Requests under way at once.
const AT_ONCE: usize = 4;
/// Paths that name a patient begin with this.
const ABOUT_A_PATIENT: &str = "/api/v1/patients/{id}";

/// How an actor stands to the patient `own`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Untied,
    Tied(Tie),
    Ended,
}

const STANDINGS: [Standing; 6] = [
    Standing::Untied,
    Standing::Tied(Tie::Member),
    Standing::Tied(Tie::Subject),
    Standing::Tied(Tie::Proxy),
    Standing::Tied(Tie::BreakGlass),
    Standing::Ended,
];

/// Which patient a request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Named {
    Own,
    Another,
    OtherClinics,
    Nobody,
}

const NAMED: [Named; 4] = [Named::Own, Named::Another, Named::OtherClinics, Named::Nobody];

struct Person {
    role: Role,
    standing: Standing,
    actor: Actor,
}

struct Cast {
    people: Vec<Person>,
    own: String,
    another: String,
    other_clinics: String,
}

impl Cast {
    async fn new(world: &World) -> Cast {
        let (here, there) = (
            world.staff(&world.alpha, Role::Physician).await,
            world.staff(&world.beta, Role::Physician).await,
        );
        let register = async |clinic, by: &Actor, mrn: &str| {
            let ask = world.ask(clinic, "POST", "/api/v1/patients").by(by).json(&patient("Cell", mrn));
            ask.send().await.expect(201).json()["id"].as_str().unwrap().to_owned()
        };
        let own = register(&world.alpha, &here, "CELL-1").await;
        let another = register(&world.alpha, &here, "CELL-2").await;
        let other_clinics = register(&world.beta, &there, "CELL-1").await;
        let mut people = Vec::new();
        for role in Role::ALL {
            for standing in STANDINGS {
                let actor = world.staff(&world.alpha, role).await;
                if !role.is_staff() {
                    world.works_at_the_first_site(&world.alpha, &actor).await;
                }
                match standing {
                    Standing::Untied => {}
                    Standing::Tied(tie) => world.tie(&world.alpha, &own, &actor, tie).await,
                    Standing::Ended => {
                        world.tie(&world.alpha, &own, &actor, Tie::Member).await;
                        world.end_ties(&world.alpha, &actor).await;
                    }
                }
                people.push(Person { role, standing, actor });
            }
        }
        Cast { people, own, another, other_clinics }
    }

    fn id(&self, named: Named) -> String {
        match named {
            Named::Own => self.own.clone(),
            Named::Another => self.another.clone(),
            Named::OtherClinics => self.other_clinics.clone(),
            Named::Nobody => PatientId::random().to_string(),
        }
    }
}

/// `action -> roles` as reviewed; an action open to anyone has every role.
fn reviewed() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let lines = REVIEWED.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let mut words = line.split_whitespace();
            let action = words.next().unwrap();
            let roles: BTreeSet<&str> = words.collect();
            if roles.contains("anyone") {
                (action, Role::ALL.into_iter().map(Role::as_str).collect())
            } else {
                (action, roles)
            }
        })
        .collect()
}

/// Whether a patient is within reach. Written down here once more, on purpose.
fn reaches(role: Role, standing: Standing, named: Named) -> bool {
    let in_the_clinic = matches!(named, Named::Own | Named::Another);
    match role {
        Role::Physician | Role::Nurse | Role::Patient | Role::Proxy => {
            named == Named::Own && matches!(standing, Standing::Tied(_))
        }
        Role::Receptionist
        | Role::LabTechnician
        | Role::Billing
        | Role::MachineClient
        | Role::PrivacyOfficer => in_the_clinic,
        Role::ClinicAdmin => false,
    }
}

/// Whether an emergency is all that ties somebody to the patient.
fn only_in_an_emergency(person: &Person) -> bool {
    let tied_by_account = matches!(person.role, Role::Physician | Role::Nurse | Role::Patient | Role::Proxy);
    tied_by_account && person.standing == Standing::Tied(Tie::BreakGlass)
}

/// Whether somebody who is a patient too stands in for the patient: that one's record is not theirs.
fn stands_in(person: &Person) -> bool {
    person.role == Role::Patient && person.standing == Standing::Tied(Tie::Proxy)
}

/// A body that is read, and that nothing comes of: it breaks a rule which is looked at after the question who is asking.
fn harmless_body(route: &Route, n: usize) -> Option<Value> {
    let mut body = sample_body(route, n)?;
    match route.action {
        Action::PatientCreate => body["names"] = json!([]),
        Action::StaffInvite => body["role"] = json!("patient"),
        Action::PatientAccessOpen | Action::ProxyRecord => body["email"] = json!("no address"),
        Action::CareTeamJoin | Action::CareTeamLeave | Action::PatientAccessClose => {
            body["account"] = json!("nobody")
        }
        Action::CorrectionAsk => body["what"] = json!(""),
        Action::BreakGlassStart => body["reason"] = json!("no"),
        // The law refuses it, so nobody is asked to agree.
        Action::ErasureRequest => body["basis"] = json!("patient_request"),
        Action::SiteCreate | Action::SiteRename | Action::OauthClientRegister => body["name"] = json!(""),
        Action::OauthClientKeys => body["jwks"]["keys"] = json!([]),
        Action::DocumentCreate | Action::DocumentUpdate => body["title"] = json!(""),
        Action::DocumentRefile => body["dated_on"] = json!("1815-12-10"),
        _ => {}
    }
    Some(body)
}

/// One request, and what is wrong with its answer.
struct Cell<'a> {
    world: &'a World,
    cast: &'a Cast,
    person: &'a Person,
    route: &'static Route,
    named: Named,
    granted: bool,
    /// Whether one who stands in may do it.
    granted_to_proxies: bool,
}

impl Cell<'_> {
    async fn answer(&self) -> Answer {
        let (world, route) = (self.world, self.route);
        let path = sample_path(route, &self.cast.id(self.named));
        let fresh;
        // A request that succeeds in ending the session ends one that nobody else needs.
        let ends = route.method == "DELETE" && route.path.contains("/sessions");
        let by = if ends {
            fresh = world.staff(&world.alpha, self.person.role).await;
            &fresh
        } else {
            &self.person.actor
        };
        let mut ask = world.ask(&world.alpha, route.method.as_str(), &path).by(by);
        if let Some(body) = harmless_body(route, 0) {
            ask = ask.json(&body);
        }
        ask.send().await
    }

    /// `None` when the answer is as reviewed.
    fn deviation(&self, answer: &Answer) -> Option<String> {
        let outcome = answer.outcome();
        let emergency = self.route.action == Action::PatientRead
            || self.route.action == Action::PatientUpdate
            || self.route.action == Action::CareTeamRead;
        let as_expected = if self.route.action.audience() == Audience::Anyone {
            outcome.1 != "unauthenticated"
        } else if !self.granted {
            outcome == (403, "forbidden".into())
        } else if !self.route.path.starts_with(ABOUT_A_PATIENT) {
            !matches!(outcome.0, 401 | 403 | 500..) && self.shows_only_its_own(answer)
        } else if !reaches(self.person.role, self.person.standing, self.named) {
            outcome == (404, "not_found".into())
        } else if stands_in(self.person) && !self.granted_to_proxies
            || only_in_an_emergency(self.person) && !emergency
        {
            outcome == (403, "forbidden".into())
        } else {
            // A part of the path besides the patient may be absent for its own reason.
            let only_the_patient = self.route.path.matches('{').count() == 1;
            !(matches!(outcome.0, 401 | 403 | 500..) || only_the_patient && outcome.0 == 404)
        };
        (!as_expected).then(|| {
            format!(
                "{} {} as {} {:?} about {:?}: {}",
                self.route.method,
                self.route.path,
                self.person.role.as_str(),
                self.person.standing,
                self.named,
                answer.text().chars().take(200).collect::<String>()
            )
        })
    }

    /// A list or search names patients within reach and no other.
    fn shows_only_its_own(&self, answer: &Answer) -> bool {
        let text = answer.text();
        [
            (Named::Own, &self.cast.own),
            (Named::Another, &self.cast.another),
            (Named::OtherClinics, &self.cast.other_clinics),
        ]
        .into_iter()
        .all(|(named, id)| {
            let reached = reaches(self.person.role, self.person.standing, named);
            let listed = self.route.action == Action::PatientList;
            text.contains(id.as_str()) == (reached && listed) || (reached && !listed)
        })
    }
}

/// A standing for what does not depend on it, each as often.
fn in_turn(n: usize) -> Standing {
    STANDINGS[n % STANDINGS.len()]
}

fn cells<'a>(world: &'a World, cast: &'a Cast) -> Vec<Cell<'a>> {
    let matrix = reviewed();
    let mut cells = Vec::new();
    for person in &cast.people {
        for (n, route) in ROUTES.iter().enumerate() {
            let granted = matrix[route.action.name()].contains(person.role.as_str());
            let granted_to_proxies = matrix[route.action.name()].contains(Role::Proxy.as_str());
            let about = route.path.starts_with(ABOUT_A_PATIENT);
            // What is refused to the role whoever asks and whatever is named: each tie to the own patient, and each patient with
            // one of the ties, another one at every route. With all pairs, here and below, more than twice as many were asked for.
            let all = granted || person.standing == in_turn(n);
            let named = NAMED.into_iter().filter(|named| about || *named == Named::Nobody);
            for named in named.filter(|named| all || *named == Named::Own) {
                cells.push(Cell { world, cast, person, route, named, granted, granted_to_proxies });
            }
        }
    }
    cells
}

async fn deviations(cells: &[Cell<'_>]) -> Vec<String> {
    let walked = stream::iter(cells).map(async |cell| cell.deviation(&cell.answer().await));
    walked.buffer_unordered(AT_ONCE).filter_map(async |deviation| deviation).collect().await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cell_is_as_reviewed() {
    let world = World::new().await;
    let cast = Cast::new(&world).await;
    let here = cells(&world, &cast);
    let found = deviations(&here).await;
    assert_eq!(found, Vec::<String>::new());

    // With a session of one clinic at another's address, which knows neither who asks nor any tie.
    let mut walked = here.len();
    let for_staff = ROUTES.iter().filter(|route| route.action.audience() == Audience::Staff);
    for (n, route) in for_staff.enumerate() {
        let people = cast.people.iter().filter(|person| person.standing == in_turn(n));
        let asked = stream::iter(people).map(async |person| {
            let path = sample_path(route, &cast.other_clinics);
            let mut ask = world.ask(&world.beta, route.method.as_str(), &path).by(&person.actor);
            if let Some(body) = harmless_body(route, 0) {
                ask = ask.json(&body);
            }
            ask.send().await.outcome()
        });
        let outcomes: Vec<_> = asked.buffer_unordered(AT_ONCE).collect().await;
        walked += outcomes.len();
        assert!(
            outcomes.iter().all(|outcome| *outcome == (401, "unauthenticated".into())),
            "{} {}: {outcomes:?}",
            route.method,
            route.path
        );
    }
    assert!(walked >= CELLS_MIN, "{walked} cells");
}

/// Whoever is out of reach, of another clinic or nobody: the answer is the same to the byte.
#[tokio::test(flavor = "multi_thread")]
async fn out_of_reach_is_answered_like_nobody() {
    let world = World::new().await;
    let cast = Cast::new(&world).await;
    let matrix = reviewed();
    for route in ROUTES.iter().filter(|route| route.path.starts_with(ABOUT_A_PATIENT)) {
        let able = |person: &&Person| {
            matrix[route.action.name()].contains(person.role.as_str())
                && !reaches(person.role, person.standing, Named::Own)
        };
        for person in cast.people.iter().filter(able) {
            let mut bodies = Vec::new();
            for named in NAMED {
                let (granted, granted_to_proxies) = (true, true);
                let cell =
                    Cell { world: &world, cast: &cast, person, route, named, granted, granted_to_proxies };
                let answer = cell.answer().await;
                let mut body = answer.json();
                body["instance"] = "the request id".into();
                bodies.push((answer.status, body));
            }
            assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "{}: {bodies:?}", route.path);
        }
    }
}

/// The decision that is turned round at the moment.
static TURNED: Mutex<Option<(Role, Action)>> = Mutex::new(None);
/// The role whose reach is the whole clinic at the moment.
static UNBOUND: Mutex<Option<Role>> = Mutex::new(None);

fn turned(role: Role, action: Action) -> bool {
    let turned = *TURNED.lock().unwrap() == Some((role, action));
    app::access::may(role, action) != turned
}

fn unbound(role: Role) -> Reach {
    if *UNBOUND.lock().unwrap() == Some(role) { Reach::Everyone } else { app::access::reach(role) }
}

/// Each grant taken away, each one added, and each role's reach widened: for every one of them a cell notices.
#[tokio::test(flavor = "multi_thread")]
async fn any_one_decision_turned_round_is_noticed() {
    let policy = Policy { may: turned, within: unbound, reach: unbound };
    let world = World::with(Options { policy, ..Options::default() }).await;
    let cast = Cast::new(&world).await;
    let all = cells(&world, &cast);
    let mut unnoticed = Vec::new();
    let mut mutants = 0;
    for role in Role::ALL {
        for action in Action::ALL.into_iter().filter(|action| action.audience() == Audience::Staff) {
            *TURNED.lock().unwrap() = Some((role, action));
            let mut noticed = false;
            for cell in all.iter().filter(|cell| cell.person.role == role && cell.route.action == action) {
                noticed = cell.deviation(&cell.answer().await).is_some();
                if noticed {
                    break;
                }
            }
            mutants += 1;
            if !noticed {
                unnoticed.push(format!("{} {}", role.as_str(), action.name()));
            }
        }
        *TURNED.lock().unwrap() = None;
        *UNBOUND.lock().unwrap() = Some(role);
        let bound = role != Role::ClinicAdmin && role != Role::PrivacyOfficer;
        let mut noticed = !bound;
        let others = |cell: &&Cell<'_>| {
            let sites = matches!(app::access::reach(role), Reach::Sites);
            cell.person.role == role && cell.route.action == Action::PatientRead && !sites
        };
        for cell in all.iter().filter(others) {
            noticed |= cell.deviation(&cell.answer().await).is_some();
        }
        if bound && app::access::reach(role) == Reach::Sites {
            // Everybody in the cast works at the one site; somebody at another one does notice.
            let actor = world.staff(&world.alpha, role).await;
            if role.is_staff() {
                world.move_to_new_site(&world.alpha, &actor).await;
            }
            let path = format!("/api/v1/patients/{}", cast.own);
            let answer = world.ask(&world.alpha, "GET", &path).by(&actor).send().await;
            noticed |= answer.outcome() != (404, "not_found".into());
        }
        *UNBOUND.lock().unwrap() = None;
        mutants += 1;
        if !noticed {
            unnoticed.push(format!("reach of {}", role.as_str()));
        }
    }
    // These are refused a second time: who is shown no field of a record has nothing to search by.
    let searches = ["clinic_admin", "lab_technician"]
        .map(|role| ["search", "match"].map(|what| format!("{role} patient.{what}")));
    assert_eq!(unnoticed, searches.concat(), "of {mutants}");
    assert!(mutants > 200);
}
