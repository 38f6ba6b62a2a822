//! Reports and models.

use reqwest::StatusCode;
use serde_json::json;

use super::Shop;
use crate::served::decoded;

#[tokio::test]
async fn a_report_counts_what_the_filters_name() {
    let shop = Shop::open();
    let filters = json!({ "category": "electronics", "minStock": 50, "dateRange": { "start": "2025-01-01", "end": "2025-09-11" } });
    let id = shop.app.accepted("/products/inventory-report", &json!({ "filters": filters })).await;
    let ended = shop.app.ended(&id, "completed").await;
    assert_eq!(ended["message"], "Reporte completado");

    let report = decoded(ended["resultUrl"].as_str().unwrap());
    let of = |what: &str| -> i64 {
        shop.look(&format!(
            "SELECT {what} FROM products WHERE category = 'electronics' AND stock >= 50
             AND updated_on BETWEEN '2025-01-01' AND '2025-09-11'"
        ))
    };
    let (products, units, value) = (of("count(*)"), of("sum(stock)"), of("sum(stock * price_cents)"));
    assert!(products > 5, "too few to tell anything: {products}");
    let metrics = json!({ "products": products, "units": units, "valueCents": value });
    assert_eq!(report["metrics"], metrics);
    assert_eq!(report["byCategory"], json!({ "electronics": metrics }));
    assert_eq!(report["products"].as_array().unwrap().len(), products as usize);
}

#[tokio::test]
async fn a_report_as_csv_is_a_file_of_that_type() {
    let shop = Shop::open();
    let id = shop.app.accepted("/products/inventory-report", &json!({ "format": "csv" })).await;
    shop.app.ended(&id, "completed").await;
    let file = shop.app.get(&format!("/jobs/{id}/result")).send().await.unwrap();
    assert_eq!(file.status(), StatusCode::OK);
    assert!(file.headers()["content-type"].to_str().unwrap().starts_with("text/csv"));
    let text = file.text().await.unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("sku,name,category,stock,priceCents,updatedOn"));
    assert_eq!(lines.count() as i64, shop.look::<i64>("SELECT count(*) FROM products"));
}

#[tokio::test]
async fn a_model_learns_that_dear_things_are_stocked_less() {
    let shop = Shop::open();
    for epochs in [400, 500] {
        let id = shop.app.accepted("/models/train", &json!({ "name": "stock", "epochs": epochs })).await;
        let model = shop.app.result(&id).await;
        assert_eq!((&model["model"], &model["epochs"]), (&json!("stock"), &json!(epochs)));
        // The shelves hold 130 pieces less one for each unit of money, and a little noise.
        let (slope, intercept) = (model["slope"].as_f64().unwrap(), model["intercept"].as_f64().unwrap());
        assert!((slope + 1.0).abs() < 0.1, "{slope}");
        assert!((intercept - 130.0).abs() < 10.0, "{intercept}");
        assert!(model["loss"].as_f64().unwrap() < 0.05, "{model}");
    }
    assert_eq!(shop.look::<i64>("SELECT count(*) FROM models"), 1);
    assert_eq!(shop.look::<i64>("SELECT epochs FROM models WHERE name = 'stock'"), 500);
}
