//! Tenants: made once, placed once, moved only as the lifecycle draws, and slugs that are nobody else's.

use serde_json::{Value, json};

use super::support::{TestControl, clinic, region};

#[tokio::test]
async fn a_clinics_whole_life_and_every_move_it_may_not_make() {
    let control = TestControl::start().await;
    let admin = control.with_regions().await;
    let made = admin.post("/platform/v1/tenants", &clinic("lotus", "ap-south-1")).await.expect(201);
    let id = made.text("id");
    assert_eq!((made.text("state"), made.body["shard"].clone()), ("provisioning".to_owned(), json!(1)));
    assert_eq!(made.headers["location"], format!("/platform/v1/tenants/{id}"));
    let offboard = json!({"confirm_slug": "lotus"});
    for verb in ["suspend", "resume"] {
        let refused = admin.command(&id, verb, &json!({})).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (409, "illegal_move"), "{verb}");
    }

    let worker = control.peer("worker.ap-south-1");
    let tasks = worker.tasks().await;
    assert_eq!(tasks.len(), 1);
    assert_eq!(tasks[0]["first_admin_email"], "first.admin@lotus.example");
    worker.finish(tasks[0]["task_id"].as_str().unwrap()).await;
    assert_eq!(admin.get(&format!("/platform/v1/tenants/{id}")).await.expect(200).text("state"), "active");
    admin.command(&id, "resume", &json!({})).await.expect(409);

    let suspend = format!("/platform/v1/tenants/{id}/suspend");
    assert_eq!(admin.post(&suspend, &json!({})).await.expect(428).code(), "if_match_needed");
    admin.post_with(&suspend, &json!({}), &[("if-match", "\"1\"")]).await.expect(412);
    admin.post_with(&suspend, &json!({}), &[("if-match", "*")]).await.expect(428);
    assert_eq!(admin.command(&id, "suspend", &json!({})).await.expect(200).text("state"), "suspended");
    admin.command(&id, "suspend", &json!({})).await.expect(409);
    assert_eq!(admin.command(&id, "resume", &json!({})).await.expect(200).text("state"), "active");

    let unconfirmed = admin.command(&id, "offboard", &json!({"confirm_slug": "lotos"})).await;
    assert_eq!((unconfirmed.status.as_u16(), unconfirmed.code()), (422, "not_confirmed"));
    assert_eq!(admin.command(&id, "offboard", &offboard).await.expect(200).text("state"), "offboarding");
    for (verb, body) in [("suspend", json!({})), ("resume", json!({})), ("offboard", offboard.clone())] {
        admin.command(&id, verb, &body).await.expect(409);
    }
    let tasks = worker.tasks().await;
    assert_eq!((tasks.len(), tasks[0]["kind"].clone()), (1, json!("destroy")));
    assert!(tasks[0].get("first_admin_email").is_none());
    let task = tasks[0]["task_id"].as_str().unwrap();
    worker.report(task, &json!({"step": "destroy", "state": "done"})).await.expect(204);
    assert_eq!(admin.get(&format!("/platform/v1/tenants/{id}")).await.expect(200).text("state"), "purged");
    admin.command(&id, "resume", &json!({})).await.expect(409);
    let steps = admin.get(&format!("/platform/v1/tenants/{id}/steps")).await.expect(200);
    let states: Vec<&Value> =
        steps.body["items"].as_array().unwrap().iter().map(|step| &step["state"]).collect();
    assert_eq!(states, vec!["done"; 9]);
}

/// What destroys a clinic's keys and data takes more than a session that somebody left open.
#[tokio::test]
async fn a_clinic_is_ended_by_who_signed_in_within_five_minutes() {
    let control = TestControl::start().await;
    let admin = control.with_regions().await;
    let id = admin.post("/platform/v1/tenants", &clinic("lotus", "us-east-1")).await.expect(201).text("id");
    let worker = control.peer("worker.us-east-1");
    worker.finish(worker.tasks().await[0]["task_id"].as_str().unwrap()).await;
    let confirmed = json!({"confirm_slug": "lotus"});
    control.clock.advance_ms(300_001);
    let stale = admin.command(&id, "offboard", &confirmed).await.expect(403);
    assert_eq!(stale.code(), "step_up_required");
    // What can be taken back goes on.
    assert_eq!(admin.command(&id, "suspend", &json!({})).await.expect(200).text("state"), "suspended");
    assert_eq!(admin.command(&id, "resume", &json!({})).await.expect(200).text("state"), "active");
    let again = control.admin().await;
    assert_eq!(again.command(&id, "offboard", &confirmed).await.expect(200).text("state"), "offboarding");
}

#[tokio::test]
async fn a_clinic_that_cannot_be_built_can_be_given_up() {
    let control = TestControl::start().await;
    let admin = control.with_regions().await;
    let id = admin.post("/platform/v1/tenants", &clinic("lotus", "us-east-1")).await.expect(201).text("id");
    let worker = control.peer("worker.us-east-1");
    let build = worker.tasks().await[0]["task_id"].as_str().unwrap().to_owned();
    worker.report(&build, &json!({"step": "schemas", "state": "done"})).await.expect(204);
    worker.report(&build, &json!({"step": "role", "state": "failed", "code": "database"})).await.expect(204);
    let ended = admin.command(&id, "offboard", &json!({"confirm_slug": "lotus"})).await.expect(200);
    assert_eq!(ended.text("state"), "offboarding");
    // The worker that is building it is told to stop; what it has told before stays told.
    worker.report(&build, &json!({"step": "schemas", "state": "done"})).await.expect(204);
    worker.report(&build, &json!({"step": "role", "state": "done"})).await.expect(404);
    let tasks = worker.tasks().await;
    assert_eq!((tasks.len(), tasks[0]["kind"].clone()), (1, json!("destroy")));
    let kept = "select count(*) from platform.task where first_admin_email is not null";
    assert_eq!(control.superuser().await.query_one(kept, &[]).await.unwrap().get::<_, i64>(0), 0);
    let destroy = tasks[0]["task_id"].as_str().unwrap();
    worker.report(destroy, &json!({"step": "destroy", "state": "done"})).await.expect(204);
    assert_eq!(admin.get(&format!("/platform/v1/tenants/{id}")).await.expect(200).text("state"), "purged");
}

#[tokio::test]
async fn an_address_nobody_could_sign_in_with_is_refused_at_once() {
    let control = TestControl::start().await;
    let admin = control.with_regions().await;
    for address in ["\"a b\"@clinic.example", "\"a@b\"@clinic.example", "nobody", "a@"] {
        let mut body = clinic("lotus", "us-east-1");
        body["first_admin_email"] = json!(address);
        let refused = admin.post("/platform/v1/tenants", &body).await.expect(400);
        assert_eq!(refused.body["errors"][0]["pointer"], "/first_admin_email", "{address}");
    }
    assert_eq!(admin.get("/platform/v1/tenants").await.expect(200).body["items"], json!([]));
}

#[tokio::test]
async fn many_creations_at_once_make_one_tenant() {
    let control = TestControl::start().await;
    let admin = control.with_regions().await;
    let body = clinic("lotus", "us-east-1");
    let racing = (0..12).map(|_| admin.post("/platform/v1/tenants", &body));
    let answers = futures_util::future::join_all(racing).await;
    let made = answers.iter().filter(|answer| answer.status.as_u16() == 201).count();
    let taken = answers.iter().filter(|answer| answer.code() == "slug_taken").count();
    assert_eq!((made, taken), (1, 11), "{answers:?}");

    let keyed = clinic("aurora", "us-east-1");
    let racing =
        (0..12).map(|_| admin.post_with("/platform/v1/tenants", &keyed, &[("idempotency-key", "k-1")]));
    let answers = futures_util::future::join_all(racing).await;
    let ids: Vec<String> = answers.into_iter().map(|answer| answer.expect(201).text("id")).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let other = admin
        .post_with("/platform/v1/tenants", &clinic("cedar", "us-east-1"), &[("idempotency-key", "k-1")])
        .await;
    assert_eq!((other.status.as_u16(), other.code()), (422, "idempotency_key_reused"));
    let listed = admin.get("/platform/v1/tenants").await.expect(200);
    assert_eq!(listed.body["items"].as_array().unwrap().len(), 2);
    assert_eq!(control.peer("worker.us-east-1").tasks().await.len(), 2);
}

#[tokio::test]
async fn slugs_that_break_a_rule_are_reserved_or_look_alike_are_refused() {
    let control = TestControl::start().await;
    let admin = control.with_regions().await;
    for bad in
        ["ab", "UPPER", "a_b", "-ab", "ab-", "a--b", "xn--ab", "control", "www", "लोटस", &"a".repeat(41)]
    {
        let refused = admin.post("/platform/v1/tenants", &clinic(bad, "us-east-1")).await.expect(400);
        assert_eq!(refused.body["errors"][0], json!({"pointer": "/slug", "code": "invalid_value"}), "{bad}");
        assert!(bad.len() < 5 || !refused.body.to_string().contains(bad), "the problem quotes {bad}");
    }
    admin.post("/platform/v1/tenants", &clinic("lotus", "us-east-1")).await.expect(201);
    for alike in ["lotus", "l0tus", "1otus", "lo-tus"] {
        // In the other region too: the bare host is shared by all.
        let refused = admin.post("/platform/v1/tenants", &clinic(alike, "ap-south-1")).await.expect(409);
        assert_eq!(refused.code(), "slug_taken", "{alike}");
    }
    admin.post("/platform/v1/tenants", &clinic("locus", "us-east-1")).await.expect(201);
    for (field, value, code) in [
        ("legal_name", "", "required"),
        ("legal_name", "evil\u{202e}", "control_character"),
        ("first_admin_email", "nobody", "not_an_address"),
        ("region", "eu-west-1", "unknown_region"),
        ("region", "nowhere at all", "invalid_value"),
    ] {
        let mut body = clinic("cedar", "us-east-1");
        body[field] = json!(value);
        let refused = admin.post("/platform/v1/tenants", &body).await.expect(400);
        assert_eq!(refused.body["errors"][0], json!({"pointer": format!("/{field}"), "code": code}));
    }
    let mut regionless = clinic("cedar", "us-east-1");
    regionless.as_object_mut().unwrap().remove("region");
    admin.post("/platform/v1/tenants", &regionless).await.expect(400);
}

#[tokio::test]
async fn a_slug_rests_after_the_end_and_a_later_holder_inherits_nothing() {
    let control = TestControl::start().await;
    let admin = control.with_regions().await;
    let worker = control.peer("worker.us-east-1");
    let first =
        admin.post("/platform/v1/tenants", &clinic("lotus", "us-east-1")).await.expect(201).text("id");
    worker.finish(worker.tasks().await[0]["task_id"].as_str().unwrap()).await;
    admin.command(&first, "offboard", &json!({"confirm_slug": "lotus"})).await.expect(200);
    admin.post("/platform/v1/tenants", &clinic("lotus", "us-east-1")).await.expect(409);
    let destroy = worker.tasks().await[0]["task_id"].as_str().unwrap().to_owned();
    worker.report(&destroy, &json!({"step": "destroy", "state": "done"})).await.expect(204);

    const DAY_MS: u64 = 86_400_000;
    control.clock.advance_ms(179 * DAY_MS);
    let admin = control.admin().await;
    admin.post("/platform/v1/tenants", &clinic("lotus", "us-east-1")).await.expect(409);
    control.clock.advance_ms(2 * DAY_MS);
    let admin = control.admin().await;
    admin.post("/platform/v1/tenants", &clinic("l0tus", "us-east-1")).await.expect(409);
    let second = admin.post("/platform/v1/tenants", &clinic("lotus", "ap-south-1")).await.expect(201);
    assert_ne!(second.text("id"), first);
    assert_eq!(second.body["epoch"], 1);
    let old = admin.get(&format!("/platform/v1/tenants/{first}")).await.expect(200);
    assert_eq!((old.text("state"), old.text("region")), ("purged".to_owned(), "us-east-1".to_owned()));
    assert!(worker.get("/feed/v1/work?wait_ms=0").await.text().await.unwrap().contains("\"tasks\":[]"));
}

#[tokio::test]
async fn placement_fills_the_emptiest_shard_and_a_full_region_says_so() {
    let control = TestControl::start().await;
    let admin = control.admin().await;
    admin.post("/platform/v1/regions", &region("us-east-1", "us", "US")).await.expect(201);
    let full = admin.post("/platform/v1/tenants", &clinic("early", "us-east-1")).await.expect(409);
    assert_eq!(full.code(), "no_capacity");
    for id in [1, 2] {
        let shard = json!({"region": "us-east-1", "id": id, "tenants_max": 2});
        admin.post("/platform/v1/shards", &shard).await.expect(201);
        admin.post("/platform/v1/shards", &shard).await.expect(409);
    }
    // All at once: the caps hold because placement holds the region's shards.
    let bodies: Vec<Value> =
        ["cedar", "maple", "birch", "aspen", "hazel", "rowan"].map(|slug| clinic(slug, "us-east-1")).into();
    let answers =
        futures_util::future::join_all(bodies.iter().map(|body| admin.post("/platform/v1/tenants", body)))
            .await;
    assert_eq!(answers.iter().filter(|answer| answer.status.as_u16() == 201).count(), 4);
    assert_eq!(answers.iter().filter(|answer| answer.code() == "no_capacity").count(), 2);
    let shards = admin.get("/platform/v1/shards?region=us-east-1").await.expect(200);
    let loads: Vec<&Value> =
        shards.body["items"].as_array().unwrap().iter().map(|shard| &shard["tenants"]).collect();
    assert_eq!(loads, [2, 2]);
    // A refused creation leaves nothing behind: the slug is still free.
    let listed = admin.get("/platform/v1/tenants").await.expect(200);
    assert_eq!(listed.body["items"].as_array().unwrap().len(), 4);
    admin.get("/platform/v1/shards?region=eu-west-1").await.expect(404);
    admin
        .post("/platform/v1/shards", &json!({"region": "us-east-1", "id": 3, "tenants_max": 0}))
        .await
        .expect(400);
}

#[tokio::test]
async fn tenants_are_listed_in_pages() {
    let control = TestControl::start().await;
    let admin = control.with_regions().await;
    let mut expected: Vec<String> = Vec::new();
    for slug in ["cedar", "maple", "birch", "aspen", "hazel"] {
        expected.push(
            admin.post("/platform/v1/tenants", &clinic(slug, "us-east-1")).await.expect(201).text("id"),
        );
    }
    let (mut seen, mut path) = (Vec::new(), "/platform/v1/tenants?limit=2".to_owned());
    loop {
        let page = admin.get(&path).await.expect(200);
        seen.extend(
            page.body["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|tenant| tenant["id"].as_str().unwrap().to_owned()),
        );
        let Some(cursor) = page.body["next_cursor"].as_str() else { break };
        assert!(page.headers["link"].to_str().unwrap().contains("rel=\"next\""));
        path = format!("/platform/v1/tenants?limit=2&cursor={cursor}");
    }
    expected.sort();
    seen.sort();
    assert_eq!(seen, expected);
    for bad in ["limit=0", "limit=101", "cursor=x", "other=1", "limit=x"] {
        admin.get(&format!("/platform/v1/tenants?{bad}")).await.expect(400);
    }
    admin.get("/platform/v1/tenants/not-an-id").await.expect(404);
}

#[tokio::test]
async fn a_regions_name_and_code_are_its_own_for_ever() {
    let control = TestControl::start().await;
    let admin = control.with_regions().await;
    admin.post("/platform/v1/regions", &region("us-east-1", "xx", "US")).await.expect(409);
    admin.post("/platform/v1/regions", &region("us-west-2", "us", "US")).await.expect(409);
    for (field, value) in
        [("jurisdiction", "EU"), ("transit", "maybe"), ("peer_front_door", "nowhere"), ("code", "U")]
    {
        let mut body = region("us-west-2", "uw", "US");
        body[field] = json!(value);
        admin.post("/platform/v1/regions", &body).await.expect(400);
    }
    let path = "/platform/v1/regions/ap-south-1/transit";
    let put =
        admin.send(reqwest::Method::PUT, path, Some(&json!({"transit": "refuse"})), &[]).await.expect(200);
    assert_eq!(put.text("transit"), "refuse");
    assert_eq!(admin.get("/platform/v1/regions").await.expect(200).body["items"][0]["transit"], "refuse");
}
