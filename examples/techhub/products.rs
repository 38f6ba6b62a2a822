//! Products: a report of what is on the shelves. It only reads, so it may run as often as it likes.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use faena::error::Error;
use faena::http::{accepted, refused};
use faena::job::NewJob;
use faena::service::Service;
use faena::work::{Completion, Context, Description, Failure, Processor};
use rusqlite::{Connection, Row};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use validator::{Validate, ValidationError};

use crate::database::Database;
use crate::door;

/// Key of the report.
pub const REPORT: &str = "generate_inventory_report";

/// What to report, and in which form.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Report {
    #[validate(nested)]
    #[serde(default)]
    filters: Filters,
    #[serde(default)]
    format: Format,
}

/// Which products.
#[derive(Debug, Default, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Filters {
    #[validate(length(min = 1, max = 100, message = "debe tener de 1 a 100 caracteres"))]
    category: Option<String>,
    #[validate(range(min = 0, message = "no puede ser negativo"))]
    min_stock: Option<i64>,
    #[validate(nested)]
    date_range: Option<DateRange>,
}

/// From one day to another, both included.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = runs_forward))]
pub struct DateRange {
    #[validate(custom(function = is_day))]
    start: String,
    #[validate(custom(function = is_day))]
    end: String,
}

/// The form of the file.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    #[default]
    Json,
    Csv,
}

fn is_day(text: &str) -> Result<(), ValidationError> {
    match text.parse::<jiff::civil::Date>() {
        Ok(_) if text.len() == 10 => Ok(()),
        _ => Err(ValidationError::new("day").with_message("debe ser un día como 2025-01-31".into())),
    }
}

fn runs_forward(range: &DateRange) -> Result<(), ValidationError> {
    if range.start <= range.end {
        return Ok(());
    }
    Err(ValidationError::new("order").with_message("start debe ser anterior a end".into()))
}

/// `POST /products/inventory-report`
pub async fn inventory_report(
    req: HttpRequest,
    service: web::Data<Service>,
    database: web::Data<Database>,
    body: web::Payload,
) -> HttpResponse {
    match checked(&service, &database, body).await {
        Ok(mut job) => {
            job.options.estimated_duration = Some("1-2 minutes".into());
            accepted(&service, &req, job, Some(&door::started(REPORT))).await
        }
        Err(error) => refused(&req, error),
    }
}

/// A rule that only the database knows: a category without products is a typo, and the caller hears of it at once.
async fn checked(service: &Service, database: &Database, body: web::Payload) -> Result<NewJob, Error> {
    let (job, report) = door::read::<Report>(service, REPORT, body).await?;
    let Some(category) = report.filters.category else { return Ok(job) };
    let database = database.clone();
    let known = web::block(move || categories(&database)).await.map_err(Error::internal)?.map_err(Error::internal)?;
    if known.contains(&category) {
        return Ok(job);
    }
    let message = format!("no hay productos de la categoría {category}; las hay de: {}", known.join(", "));
    Err(Error::field("filters.category", message))
}

fn categories(database: &Database) -> rusqlite::Result<Vec<String>> {
    let connection = database.connect()?;
    let mut statement = connection.prepare("SELECT DISTINCT category FROM products ORDER BY category")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

/// Reports what is on the shelves.
pub struct InventoryReport {
    pub database: Database,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Product {
    sku: String,
    name: String,
    category: String,
    stock: i64,
    price_cents: i64,
    updated_on: String,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Metrics {
    products: i64,
    units: i64,
    value_cents: i64,
}

impl Processor for InventoryReport {
    type Payload = Report;

    fn describe(&self) -> Description {
        Description {
            kind: Some("report_generation"),
            summary: "Reports what is on the shelves.",
            ..Description::default()
        }
    }

    fn run(&self, report: Report, ctx: &Context) -> Result<Completion, Failure> {
        ctx.progress(10, "Obteniendo datos...");
        let products = select(&self.database.connect()?, &report.filters)?;

        ctx.progress(40, "Calculando métricas...");
        let mut whole = Metrics::default();
        let mut by_category: BTreeMap<&str, Metrics> = BTreeMap::new();
        for product in ctx.track_between(40.0, 70.0, &products) {
            let product = product?;
            whole.add(product);
            by_category.entry(&product.category).or_default().add(product);
        }

        ctx.progress(70, "Generando reporte...");
        let completion = match report.format {
            Format::Json => {
                ctx.complete_json(&json!({ "metrics": whole, "byCategory": by_category, "products": products }))?
            }
            Format::Csv => {
                let mut csv = csv::Writer::from_writer(Vec::new());
                products.iter().try_for_each(|product| csv.serialize(product))?;
                ctx.complete_bytes("text/csv; charset=utf-8", csv.into_inner().map_err(|error| error.into_error())?)?
            }
        };
        ctx.progress(100, "Reporte completado");
        Ok(completion)
    }
}

impl Metrics {
    fn add(&mut self, product: &Product) {
        self.products += 1;
        self.units += product.stock;
        self.value_cents += product.stock * product.price_cents;
    }
}

fn select(connection: &Connection, filters: &Filters) -> rusqlite::Result<Vec<Product>> {
    let (start, end) = filters.date_range.as_ref().map_or((None, None), |days| (Some(&days.start), Some(&days.end)));
    let mut statement = connection.prepare(
        "SELECT sku, name, category, stock, price_cents, updated_on FROM products
         WHERE (?1 IS NULL OR category = ?1) AND (?2 IS NULL OR stock >= ?2)
           AND (?3 IS NULL OR updated_on >= ?3) AND (?4 IS NULL OR updated_on <= ?4)
         ORDER BY sku",
    )?;
    let product = |row: &Row<'_>| {
        Ok(Product {
            sku: row.get(0)?,
            name: row.get(1)?,
            category: row.get(2)?,
            stock: row.get(3)?,
            price_cents: row.get(4)?,
            updated_on: row.get(5)?,
        })
    };
    statement.query_map((&filters.category, filters.min_stock, start, end), product)?.collect()
}
