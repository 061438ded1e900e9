"""A sound call of each mutation with something in each of its inputs, to be spoilt in one place.

`@Template` stands for the id of a thing of that type, `{n}` for a number that is new in each call.
"""

from typing import Any

TIME = "2026-03-01T09:30:00+02:00"

CONTENT = {
    "subject": "Hello",
    "body": "<p>Hello</p><a href='{{ unsubscribe_url }}'>stop</a>",
    "format": "HTML",
    "text": "Hello {{ unsubscribe_url }}",
}
PERSON = {
    "email": "person{n}@example.com",
    "firstName": "Ann",
    "lastName": "Example",
    "timezone": "Europe/Berlin",
    "locale": "de-AT",
    "attributes": {"plan": "gold", "age": 7},
}
CONDITIONS: list[dict[str, Any]] = [
    {"any": [{"hasTag": "vip"}, {"not": {"hasTag": "staff"}}]},
    {
        "profile": {
            "field": "FIRST_NAME",
            "test": {"text": {"operator": "EQUALS", "values": ["Ann"]}},
        }
    },
    {"profile": {"field": "LAST_NAME", "test": {"isSet": True}}},
    {"created": {"since": TIME, "until": "2027-01-01T00:00:00Z", "withinSeconds": 60}},
    {
        "attribute": {
            "name": "plan",
            "test": {"text": {"operator": "CONTAINS", "values": ["gold"]}},
        }
    },
    {"attribute": {"name": "age", "test": {"number": {"operator": "AT_LEAST", "value": 1.5}}}},
    {"attribute": {"name": "beta", "test": {"truth": True}}},
    {"attribute": {"name": "since", "test": {"time": {"since": TIME}}}},
    {"attribute": {"name": "plan", "test": {"isSet": True}}},
    {
        "eventCount": {
            "name": "order",
            "operator": "AT_LEAST",
            "count": 1,
            "withinSeconds": 86_400,
        }
    },
    {
        "engagement": {
            "action": "OPENED",
            "sequenceId": "@Sequence",
            "stepKey": "mail",
            "withinSeconds": 60,
        }
    },
]
DRAFT = {
    "start": "mail",
    "triggers": [
        {"subscribed": True},
        {"tagAdded": {"tag": "vip"}},
        {"event": {"name": "order"}},
        {"manual": True},
    ],
    "steps": [
        {"sendEmail": {"key": "mail", "templateId": "@Template", "next": "rest"}},
        {"wait": {"key": "rest", "durationSeconds": 60, "next": "nine"}},
        {
            "waitUntil": {
                "key": "nine",
                "localTime": "09:00",
                "weekdays": [1, 5],
                "timezone": "Europe/Berlin",
                "spreadSeconds": 60,
                "next": "fork",
            }
        },
        {
            "branch": {
                "key": "fork",
                "branches": [{"condition": {"all": CONDITIONS}, "next": "out"}],
                "otherwise": "out",
            }
        },
        {"exit": {"key": "out"}},
    ],
}
MAPPING = [{"column": "age", "target": "ATTRIBUTE", "key": "age", "type": "NUMBER"}]
PEOPLE_FILE = ("file.csv", b"email,age\nann@example.com,7\n")
EVENTS_FILE = ("file.csv", b"email,time,age\nann@example.com,2026-03-01,7\n")
FILES = {"importSubscribers": PEOPLE_FILE, "importEvents": EVENTS_FILE}

SOUND: dict[str, dict[str, Any]] = {
    "signUp": {
        "input": {
            "email": "owner{n}@example.com",
            "password": "correct horse battery",
            "name": "Olga",
            "workspaceName": "Shop",
        }
    },
    "signIn": {"email": "ada@example.com", "password": "correct horse battery"},
    "refreshSession": {"refreshToken": "@refreshToken"},
    "signOut": {"refreshToken": "@refreshToken"},
    "updateWorkspace": {
        "input": {
            "name": "Shop",
            "fromName": "Ann",
            "fromEmail": "ann@example.com",
            "onUnknown": "HOLD",
        }
    },
    "addMember": {
        "input": {
            "email": "member{n}@example.com",
            "name": "Max",
            "password": "correct horse battery",
            "role": "EDITOR",
        }
    },
    "changeRole": {"id": "@Member", "role": "VIEWER"},
    "createApiKey": {
        "input": {"name": "k", "scopes": ["READ"], "expiresAt": "2090-01-01T00:00:00Z"}
    },
    "trackEvents": {
        "events": [
            {
                "name": "order",
                "subscriberId": "@Subscriber",
                "occurredAt": TIME,
                "value": "12.5",
                "currency": "EUR",
                "properties": {"items": [1, {"sku": "x"}]},
                "idempotencyKey": "key{n}",
            },
            {"name": "order", "email": "ann@example.com"},
        ],
        "createSubscribers": True,
        "starts": "ALL",
    },
    "createTemplate": {"input": {"name": "t", "content": CONTENT}},
    "updateTemplate": {"input": {"id": "@Template", "name": "t", "content": CONTENT}},
    "createSubscriber": {"input": {**PERSON, "tags": ["vip"]}},
    "upsertSubscriber": {"input": {**PERSON, "tags": ["vip"]}},
    "updateSubscriber": {"id": "@Subscriber", "input": PERSON},
    "addTags": {"subscriberIds": ["@Subscriber"], "tags": ["vip"]},
    "removeTags": {"subscriberIds": ["@Subscriber"], "tags": ["vip"]},
    "suppressAddress": {"email": "gone{n}@example.com"},
    "unsuppressAddress": {"email": "gone@example.com"},
    "importSubscribers": {"file": None, "mapping": MAPPING},
    "importEvents": {
        "file": None,
        "mapping": MAPPING,
        "name": "order",
        "createSubscribers": True,
        "starts": "NONE",
    },
    "createSequence": {"input": {"name": "s", "draft": DRAFT}},
    "updateSequenceDraft": {
        "input": {"id": "@Sequence", "revision": 1, "name": "s", "draft": DRAFT}
    },
    "validateSequence": {"id": "@Sequence", "draft": DRAFT},
    "publishSequence": {"id": "@Sequence", "revision": 1},
    "enroll": {"input": {"sequenceId": "@Sequence", "subscriberIds": ["@Subscriber"]}},
    "resubscribeSubscriber": {"id": "@Subscriber"},
    # What ends things comes last, so that it is not in the way of the rest.
    "pauseSequence": {"id": "@Sequence"},
    "activateSequence": {"id": "@Sequence"},
    "archiveSequence": {"id": "@Sequence"},
    "archiveTemplate": {"id": "@Template"},
    "unsubscribeSubscriber": {"id": "@Subscriber"},
    "revokeApiKey": {"id": "@ApiKey"},
}
