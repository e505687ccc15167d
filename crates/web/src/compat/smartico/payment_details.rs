//! Where payouts go, as this surface shows it: an object of strings. It is kept by method, `{"1":{"bank_name":"…"}}`.

use serde_json::{Map, Value};

use super::refusal::Refusal;

const FIELDS: usize = 50;
const KEY_LENGTH: usize = 100;
const VALUE_LENGTH: usize = 1000;

/// The details of one method; empty where there are none.
pub(super) fn of_method(kept: &Value, method: i16) -> Map<String, Value> {
    kept.get(method.to_string()).and_then(Value::as_object).cloned().unwrap_or_default()
}

/// The details of every method that was ever filled in; where two share a key, the given method's counts.
pub(super) fn of_every_method(kept: &Value, method: i16) -> Map<String, Value> {
    let methods = kept.as_object().into_iter().flat_map(Map::values).filter_map(Value::as_object);
    let mut all: Map<String, Value> = methods.flat_map(Map::clone).collect();
    all.extend(of_method(kept, method));
    all
}

/// Replaces the details of one method.
pub(super) fn replace(kept: &mut Value, method: i16, details: Map<String, Value>) {
    if !kept.is_object() {
        *kept = Value::Object(Map::new());
    }
    kept[method.to_string()] = Value::Object(details);
}

/// Details as a request gives them.
pub(super) fn check(field: &str, details: &Map<String, Value>) -> Result<(), Refusal> {
    if details.len() > FIELDS {
        return Err(Refusal::field(field, format!("{} fields; at most {FIELDS} are allowed", details.len())));
    }
    for (key, value) in details {
        domain::text::check(key, KEY_LENGTH)
            .map_err(|error| Refusal::field(field, format!("a key: {error}")))?;
        let path = format!("{field}.{key}");
        let text = value.as_str().ok_or_else(|| Refusal::field(&path, format!("{value} is not a string")))?;
        domain::text::check(text, VALUE_LENGTH).map_err(|error| Refusal::field(&path, error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn methods_are_joined_and_kept_apart() {
        let mut kept = json!({});
        let object = |value: Value| value.as_object().cloned().expect("an object");
        replace(&mut kept, 4, object(json!({ "paypal_email": "a@b.c", "ana": "4" })));
        replace(&mut kept, 1, object(json!({ "bank_name": "B", "ana": "1" })));
        assert_eq!(Value::Object(of_method(&kept, 1)), json!({ "bank_name": "B", "ana": "1" }));
        assert_eq!(of_method(&kept, 0), Map::new());
        let all = of_every_method(&kept, 4);
        assert_eq!(Value::Object(all), json!({ "bank_name": "B", "paypal_email": "a@b.c", "ana": "4" }));
        assert_eq!(of_every_method(&Value::Null, 0), Map::new());
        let too_long = object(json!({ "bank_name": "x".repeat(1001) }));
        for wrong in [object(json!({ "a": 1 })), object(json!({ "a": "\0" })), too_long] {
            assert!(check("payment_method_details", &wrong).is_err());
        }
    }
}
