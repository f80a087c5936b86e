//! A few synthetic patients for each demo clinic; nobody with these names and numbers exists.
use serde_json::{Value, json};

use crate::fail::Outcome;
use crate::http::{Call, Client};
use crate::layout::LocalRegion;

/// Registers the synthetic patients that the clinic does not have yet, and puts them into this account's care: a physician
/// sees own patients and no others. The first one may sign in and see the own record.
pub(crate) async fn ensure(client: &Client, region: &LocalRegion, physician: &str) -> Outcome<()> {
    for (number, patient) in (1_u32..).zip(synthetic(region.code)) {
        let search = json!({ "mrn": patient.get("mrn") });
        let found = client.expect(Call::post("/api/v1/patients/search", &search)).await?;
        let known = found.json.pointer("/items/0/id").and_then(Value::as_str).map(str::to_owned);
        let id = match known {
            Some(id) => id,
            None => {
                let call = Call::post("/api/v1/patients", &patient);
                let call = call.header("idempotency-key", format!("demo-patient-{number}"));
                client.expect(call).await?.field("id")?
            }
        };
        let member = json!({ "account": physician });
        client.expect(Call::post(&format!("/api/v1/patients/{id}/care-team"), &member)).await?;
        if number == 1 {
            let access = json!({ "email": email(region.code, number) });
            client.expect(Call::post(&format!("/api/v1/patients/{id}/account"), &access)).await?;
        }
    }
    Ok(())
}

/// The address of a synthetic patient.
pub(crate) fn email(code: &str, number: u32) -> String {
    format!("synthetic-{code}-{number}@example.com")
}

/// The numbers 555-0100 to 555-0199 are reserved for fiction; `example.com` is reserved for examples (RFC 2606).
fn synthetic(code: &str) -> Vec<Value> {
    let people: [(&str, &str, &str, &str); 3] = match code {
        "us" => [
            ("Testa", "Sample", "1984-02-29", "female"),
            ("Demo", "Placeholder", "1957-11-03", "male"),
            ("Zoë", "Example-Núñez", "2011-06-18", "unknown"),
        ],
        _ => [
            ("नमूना", "परीक्षण", "1990-08-15", "female"),
            ("உதாரணம்", "மாதிரி", "1972-01-26", "male"),
            ("Udaharan", "Namuna", "2003-10-02", "other"),
        ],
    };
    let numbered = people.iter().zip(1..);
    numbered
        .map(|((given, family, born, sex), number)| person(code, number, [given, family, born, sex]))
        .collect()
}

fn person(code: &str, number: u32, [given, family, born, sex]: [&str; 4]) -> Value {
    json!({
        "names": [{ "use": "official", "given": [given], "family": family }],
        "birth_date": born,
        "sex": sex,
        "phones": [{ "value": format!("+1 202-555-01{number:02}"), "use": "mobile" }],
        "emails": [{ "value": email(code, number) }],
        "addresses": [{ "use": "home", "lines": [format!("{number} Sample Street")], "city": "Exampleton" }],
        "mrn": format!("DEMO-{number:04}"),
    })
}
