//! A few synthetic patients for each demo clinic; nobody with these names and numbers exists.
use serde_json::{Value, json};

use crate::fail::Outcome;
use crate::http::{Call, Client};
use crate::layout::LocalRegion;

/// Registers the synthetic patients unless the clinic has some already.
pub(crate) async fn ensure(client: &Client, region: &LocalRegion) -> Outcome<()> {
    let answer = client.expect(Call::get("/api/v1/patients")).await?;
    let known = answer.json.get("items").and_then(Value::as_array).map_or(0, Vec::len);
    for patient in synthetic(region.code).into_iter().skip(known) {
        client.expect(Call::post("/api/v1/patients", &patient)).await?;
    }
    Ok(())
}

fn synthetic(code: &str) -> Vec<Value> {
    match code {
        "us" => vec![
            american("Testa", "Sample", "1984-02-29", "555-0101"),
            american("Demo", "Placeholder", "1957-11-03", "555-0102"),
            american("Zoë", "Example-Núñez", "2011-06-18", "555-0103"),
        ],
        "in" => vec![
            indian("नमूना", "परीक्षण", "1990-08-15", "+91 00000 00101"),
            indian("உதாரணம்", "மாதிரி", "1972-01-26", "+91 00000 00102"),
            indian("Udaharan", "Kumar", "2003-10-02", "+91 00000 00103"),
        ],
        _ => Vec::new(),
    }
}

fn american(given: &str, family: &str, birth_date: &str, phone: &str) -> Value {
    json!({
        "names": [{ "given": given, "family": family }],
        "birth_date": birth_date,
        "sex": "unknown",
        "phones": [format!("+1 202-{phone}")],
        "emails": [format!("{}@example.com", phone.replace('-', ""))],
    })
}

fn indian(given: &str, family: &str, birth_date: &str, phone: &str) -> Value {
    json!({
        "names": [{ "given": given, "family": family }],
        "birth_date": birth_date,
        "sex": "unknown",
        "emails": [format!("{}@example.com", phone.replace([' ', '+'], ""))],
    })
}
