//! What is answered at the door: 202 as the guide shows it, or 400 in the envelope, and then nothing has happened.

use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::{Shop, users};
use crate::served::answered;

#[tokio::test]
async fn each_endpoint_answers_the_202_of_the_guide() {
    let shop = Shop::open();
    for (path, body, sub_type, kind, estimate) in [
        ("/users/bulk-import", users(2), "bulk_import_users", "data_processing", "5-10 minutes"),
        ("/products/inventory-report", json!({}), "generate_inventory_report", "report_generation", "1-2 minutes"),
        ("/models/train", json!({ "name": "stock" }), "train_stock_model", "ml_training", "10-30 minutes"),
    ] {
        let answer = shop.app.post(path, &body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        assert_eq!(answer.headers()[CONTENT_TYPE], "application/json");
        let location = answer.headers()["location"].to_str().unwrap().to_owned();
        assert!(answer.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
        let answer: Value = answer.json().await.unwrap();

        let data = &answer["data"];
        let id = data["jobId"].as_str().unwrap();
        assert_eq!((id.len(), location), (36, format!("/jobs/{id}")));
        let created = data["createdAt"].as_str().unwrap();
        assert!(created.len() == "2025-09-11T10:00:00.000Z".len() && created.ends_with('Z'), "{created}");
        assert_eq!(answer["success"], true);
        assert_eq!(data["status"], "queued");
        assert_eq!(data["type"], kind);
        assert_eq!(data["estimatedDuration"], estimate);
        assert_eq!(data["progress"], 0);
        let message = format!("Proceso {sub_type} iniciado. Use el jobId para consultar el progreso.");
        assert_eq!(answer["message"], message);
        // And what the contract adds to the guide's fields.
        assert_eq!((&data["subType"], data.as_object().unwrap().len()), (&json!(sub_type), 8));

        let job = shop.app.ended(id, "completed").await;
        assert_eq!(
            (&job["progress"], &job["type"], &job["estimatedDuration"]),
            (&json!(100), &json!(kind), &json!(estimate))
        );
    }
}

#[tokio::test]
async fn what_breaks_a_rule_is_refused_and_changes_nothing() {
    let shop = Shop::open();
    let (import, report, train) = ("/users/bulk-import", "/products/inventory-report", "/models/train");
    let user = |field: &str, value: &str| {
        let mut user = json!({ "name": "Ana", "email": "ana@example.com", "role": "user" });
        user[field] = json!(value);
        json!({ "users": [user] })
    };
    for (path, body, field, message) in [
        (import, json!({ "users": [] }), "users", "debe tener de 1 a 100000 usuarios"),
        (import, user("email", "ana"), "users[0].email", "no es un correo válido"),
        (import, user("role", "jefe"), "users[0].role", "debe ser user, editor o admin"),
        (import, user("name", ""), "users[0].name", "debe tener de 1 a 200 caracteres"),
        (import, user("edad", "7"), "users[0].edad", "unknown field `edad`"),
        (import, json!({}), "body", "missing field `users`"),
        (import, json!([1]), "body", "must be a JSON object"),
        (report, json!({ "filters": { "minStock": -1 } }), "filters.minStock", "no puede ser negativo"),
        (
            report,
            json!({ "filters": { "category": "elektronics" } }),
            "filters.category",
            "las hay de: books, electronics",
        ),
        (
            report,
            json!({ "filters": { "dateRange": { "start": "2025-02-30", "end": "2025-03-01" } } }),
            "filters.dateRange.start",
            "debe ser un día como 2025-01-31",
        ),
        (
            report,
            json!({ "filters": { "dateRange": { "start": "2025-03-02", "end": "2025-03-01" } } }),
            "filters.dateRange",
            "start debe ser anterior a end",
        ),
        (report, json!({ "format": "pdf" }), "format", "unknown variant `pdf`"),
        (train, json!({ "name": "" }), "name", "debe tener de 1 a 100 caracteres"),
        (train, json!({ "name": "x", "epochs": 0 }), "epochs", "debe estar entre 1 y 100000000"),
        (train, json!({ "name": "x", "learningRate": 2 }), "learningRate", "debe ser mayor que 0"),
    ] {
        let refused = answered(shop.app.post(path, &body), StatusCode::BAD_REQUEST).await;
        assert_eq!((&refused["success"], &refused["code"]), (&json!(false), &json!("invalid_request")), "{body}");
        assert_eq!(refused["details"][0]["field"], field, "{refused}");
        let said = refused["details"][0]["message"].as_str().unwrap();
        assert!(said.contains(message), "{said:?} lacks {message:?}");
        assert!(refused["error"].as_str().unwrap().contains(said) && refused["requestId"].is_string(), "{refused}");
    }
    let broken = shop.app.post(import, &json!({})).body("{\"users\": [");
    let broken = answered(broken, StatusCode::BAD_REQUEST).await;
    assert_eq!(broken["details"][0]["field"], "users");

    let jobs = answered(shop.app.get("/jobs"), StatusCode::OK).await;
    assert_eq!(jobs["pagination"]["total"], 0);
    assert_eq!(shop.look::<i64>("SELECT count(*) FROM users"), 0);
}

#[tokio::test]
async fn a_request_sent_again_under_its_key_is_the_same_job() {
    let shop = Shop::open();
    let send = |count| shop.app.post("/users/bulk-import", &users(count)).header("Idempotency-Key", "lista de mayo");
    let first = answered(send(3), StatusCode::ACCEPTED).await;
    let again = send(3).send().await.unwrap();
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(again.json::<Value>().await.unwrap()["data"]["jobId"], first["data"]["jobId"]);
    let other = answered(send(4), StatusCode::UNPROCESSABLE_ENTITY).await;
    assert_eq!(other["code"], "idempotency_mismatch");
}
