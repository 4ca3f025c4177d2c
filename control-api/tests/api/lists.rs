//! Lists of custom hostnames: every filter, order, pages.

use std::time::Duration;

use serde_json::{Value, json};

use crate::custom_hostnames::{HTTP, create, path};
use crate::lab::{Lab, Tenant, labs};

async fn names(lab: &Lab, tenant: &Tenant, query: &str) -> Vec<String> {
    let answer = lab.operator("GET", &format!("{}?{query}", path(tenant)), Value::Null).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text);
    let all = answer.result().as_array().unwrap();
    assert_eq!(answer.body["result_info"]["count"], all.len());
    all.iter().map(|one| one["hostname"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_filter_filters() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        let foreign = lab.tenant("other.com").await;
        create(&lab, &foreign, json!({"hostname": "foreign.customer.com"})).await;
        let mut named = HTTP();
        named["certificate_authority"] = json!("google");
        named["wildcard"] = json!(false);
        let mut ids = Vec::new();
        for body in [
            json!({"hostname": "alpha.customer.com", "ssl": HTTP()}),
            json!({"hostname": "beta.customer.com", "custom_origin_server": "o.saas.com"}),
            json!({"hostname": "alpha.another.com", "ssl": named}),
        ] {
            lab.clock.advance(Duration::from_secs(1));
            ids.push(create(&lab, &tenant, body).await);
        }
        let (alpha, beta, another) =
            ("alpha.customer.com", "beta.customer.com", "alpha.another.com");
        let by_id = format!("id={}", ids[1]);
        for (query, expected) in [
            ("", vec![alpha, beta, another]),
            ("direction=desc", vec![another, beta, alpha]),
            ("order=ssl", vec![alpha, another, beta]),
            ("order=ssl&direction=desc", vec![beta, another, alpha]),
            ("order=ssl_status", vec![beta, alpha, another]),
            (by_id.as_str(), vec![beta]),
            ("hostname=beta.customer.com", vec![beta]),
            ("hostname=Beta.Customer.com", vec![beta]),
            ("hostname=beta", vec![]),
            ("hostname.exact=alpha.customer.com", vec![alpha]),
            ("hostname.contain=custom", vec![alpha, beta]),
            ("hostname.contain=_", vec![]),
            ("hostname.startsWith=alpha", vec![alpha, another]),
            ("hostname.startsWith=customer", vec![]),
            ("hostname_status=pending", vec![alpha, beta, another]),
            ("hostname_status=active", vec![]),
            ("ssl_status=initializing", vec![alpha, another]),
            ("ssl_status=active", vec![]),
            ("ssl=1", vec![alpha, another]),
            ("ssl=0", vec![beta]),
            ("certificate_authority=google", vec![another]),
            ("certificate_authority=development", vec![alpha]),
            ("custom_origin_server=o.saas.com", vec![beta]),
            ("wildcard=true", vec![]),
            ("wildcard=false", vec![alpha, beta, another]),
            (
                "direction=desc&hostname.startsWith=a&order=ssl_status&page=1&per_page=50&ssl=1&wildcard=false",
                vec![another, alpha],
            ),
            ("unknown=1&hostname=", vec![alpha, beta, another]),
        ] {
            assert_eq!(names(&lab, &tenant, query).await, expected, "{}: {query}", lab.name);
        }
        for (query, code) in [
            ("id=a&hostname=b", 1438),
            ("hostname.exact=a&hostname.contain=b", 1438),
            ("hostname.contain=a%20b", 1437),
            ("hostname.contain=%C3%BC", 1437),
            ("hostname_status=great", 1400),
            ("ssl_status=great", 1400),
            ("ssl=2", 1400),
            ("wildcard=maybe", 1400),
            ("order=name", 1400),
            ("direction=up", 1400),
            ("per_page=51", 1400),
            ("page=-1", 1400),
        ] {
            let answer =
                lab.operator("GET", &format!("{}?{query}", path(&tenant)), Value::Null).await;
            assert_eq!(answer.outcome(), (400, code), "{query}");
        }
    }
}

#[tokio::test]
async fn pages_hold_each_hostname_once_and_end_empty() {
    for lab in labs().await {
        let tenant = lab.tenant("saas.com").await;
        for index in 0..23 {
            // Without the clock's help: the order of equals must be firm too.
            create(&lab, &tenant, json!({"hostname": format!("h{index}.customer.com")})).await;
        }
        let mut seen = Vec::new();
        for page in 1..=4 {
            let part = names(&lab, &tenant, &format!("page={page}&per_page=7")).await;
            assert_eq!(part.len(), if page == 4 { 2 } else { 7 });
            seen.extend(part);
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 23, "{}", lab.name);
        let past =
            lab.operator("GET", &format!("{}?page=5&per_page=7", path(&tenant)), Value::Null).await;
        assert_eq!((past.status.as_u16(), past.result()), (200, &json!([])));
        let info =
            json!({"page": 5, "per_page": 7, "count": 0, "total_count": 23, "total_pages": 4});
        assert_eq!(past.body["result_info"], info);
        let first = lab.operator("GET", &path(&tenant), Value::Null).await;
        let info =
            json!({"page": 1, "per_page": 20, "count": 20, "total_count": 23, "total_pages": 2});
        assert_eq!(first.body["result_info"], info);
    }
}
