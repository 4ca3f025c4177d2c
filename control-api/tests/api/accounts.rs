//! Accounts and the user.

use std::time::Duration;

use serde_json::{Value, json};

use crate::lab::{lab, labs};

#[tokio::test]
async fn accounts_are_made_listed_and_read() {
    for lab in labs().await {
        let first = lab.tenant("a.com").await.account;
        lab.clock.advance(Duration::from_millis(1));
        let ids = [first, lab.tenant("b.com").await.account];
        let page = lab.operator("GET", "/accounts?per_page=1&page=2", Value::Null).await;
        assert_eq!(page.result()[0]["id"], ids[1], "{}: {}", lab.name, page.text);
        let info =
            json!({"page": 2, "per_page": 1, "count": 1, "total_count": 2, "total_pages": 2});
        assert_eq!(page.body["result_info"], info);
        let named = lab.operator("GET", "/accounts?name=a.com", Value::Null).await;
        assert_eq!(
            (named.result().as_array().map(Vec::len), &named.result()[0]["id"]),
            (Some(1), &json!(ids[0]))
        );
        let one = lab.operator("GET", &format!("/accounts/{}", ids[0]), Value::Null).await;
        assert_eq!(one.result()["name"], "a.com");
        let past = lab.operator("GET", "/accounts?page=9", Value::Null).await;
        assert_eq!((past.status.as_u16(), past.result()), (200, &json!([])));
    }
}

#[tokio::test]
async fn an_account_without_a_name_is_refused() {
    let lab = lab().await;
    for body in
        [json!({}), json!({"name": ""}), json!({"name": null}), json!({"name": "x", "owner": 1})]
    {
        let answer = lab.operator("POST", "/accounts", body.clone()).await;
        assert_eq!(answer.outcome(), (400, 1400), "{body}: {}", answer.text);
    }
    assert_eq!(lab.operator("GET", "/accounts", Value::Null).await.result(), &json!([]));
}

#[tokio::test]
async fn the_user_is_the_operator() {
    let lab = lab().await;
    let user = lab.operator("GET", "/user", Value::Null).await;
    assert_eq!(user.result()["email"], "operator@saas.com");
}
