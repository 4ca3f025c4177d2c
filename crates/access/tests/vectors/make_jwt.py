"""Writes jwt.json: tokens, and the one verdict that every verifier of ours has to come to.

    python make_jwt.py > jwt.json      (PyPI: cryptography)

The tokens are signed by another implementation than those that verify them. Keys are made anew each time.
"""
import base64
import hashlib
import hmac
import json
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

NOW = 1_800_000_000
ISSUER, CLIENT = "https://idp.example", "client-1"


def b64(data):
    data = data if isinstance(data, bytes) else data.encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, length=None):
    return b64(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))


RSA = rsa.generate_private_key(65537, 2048)
RSA_OTHER = rsa.generate_private_key(65537, 2048)
RSA_SHORT = rsa.generate_private_key(65537, 1024)
EC = {"ES256": ec.generate_private_key(ec.SECP256R1()), "ES384": ec.generate_private_key(ec.SECP384R1()), "ES512": ec.generate_private_key(ec.SECP521R1())}
CURVE = {"ES256": ("P-256", 32), "ES384": ("P-384", 48), "ES512": ("P-521", 66)}
ED = ed25519.Ed25519PrivateKey.generate()
HASH = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


def rsa_jwk(key, **more):
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e), **more}


def ec_jwk(name, **more):
    numbers, (curve, size) = EC[name].public_key().public_numbers(), CURVE[name]
    return {"kty": "EC", "crv": curve, "x": number(numbers.x, size), "y": number(numbers.y, size), **more}


def ed_jwk(**more):
    raw = ED.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return {"kty": "OKP", "crv": "Ed25519", "x": b64(raw), **more}


def sign(algorithm, message, key=None):
    digest = HASH.get(algorithm[2:])
    if algorithm.startswith("RS"):
        return (key or RSA).sign(message, padding.PKCS1v15(), digest)
    if algorithm.startswith("PS"):
        return (key or RSA).sign(message, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    if algorithm.startswith("ES"):
        r, s = utils.decode_dss_signature((key or EC[algorithm]).sign(message, ec.ECDSA(digest)))
        size = CURVE[algorithm][1]
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    return ED.sign(message)


def claims(**changes):
    base = {"iss": ISSUER, "sub": "alice", "aud": CLIENT, "iat": NOW - 10, "nbf": NOW - 10, "exp": NOW + 300, "nonce": "n"}
    base.update(changes)
    return {name: value for name, value in base.items() if value is not None}


def assemble(header, payload, algorithm="RS256", signature=None, key=None):
    text = lambda part: part if isinstance(part, str) else json.dumps(part, separators=(",", ":"))
    message = f"{b64(text(header))}.{b64(text(payload))}"
    signature = sign(algorithm, message.encode(), key) if signature is None else signature(message.encode())
    return f"{message}.{b64(signature)}"


SETS = {
    "all": {"keys": [rsa_jwk(RSA, kid="rsa", use="sig"), rsa_jwk(RSA_OTHER, kid="other", alg="RS256"), ec_jwk("ES256", kid="ES256"), ec_jwk("ES384", kid="ES384"),
                     ec_jwk("ES512", kid="ES512"), ed_jwk(kid="ed")]},
    "one": {"keys": [rsa_jwk(RSA)]},
    "ecdsa": {"keys": [ec_jwk("ES256", kid="k")]},
    "duplicate": {"keys": [rsa_jwk(RSA, kid="twice"), rsa_jwk(RSA_OTHER, kid="twice")]},
    "unfit": {"keys": [rsa_jwk(RSA, kid="encrypts", use="enc"), rsa_jwk(RSA, kid="signs", key_ops=["sign"]), rsa_jwk(RSA_SHORT, kid="short"),
                       {"kty": "oct", "k": b64(b"secret" * 8), "kid": "oct"}, rsa_jwk(RSA, kid="ps", alg="PS256"), rsa_jwk(RSA, kid="even", e="Ag")]},
    "none": {"keys": []},
}
ALL = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
KID = {"ES256": "ES256", "ES384": "ES384", "ES512": "ES512", "EdDSA": "ed"}
VECTORS = []


def vector(name, token, verdict, keys="all", **more):
    VECTORS.append({"name": name, "token": token, "keys": keys, "verdict": verdict, **more})


def rs(name, verdict, header=None, keys="all", raw=None, more=None, **changes):
    payload = claims(**changes) if raw is None else raw
    vector(name, assemble({"alg": "RS256", "kid": "rsa", **(header or {})}, payload), verdict, keys, **(more or {}))


# What is right.
for alg in ALL:
    vector(f"signed with {alg}", assemble({"alg": alg, "kid": KID.get(alg, "rsa")}, claims(), alg), "right")
vector("no kid and one key", assemble({"alg": "RS256"}, claims()), "right", "one")
vector("no kid and one key of that kind", assemble({"alg": "EdDSA"}, claims(), "EdDSA"), "right")
rs("typ JWT", "right", {"typ": "JWT"})
rs("typ jwt", "right", {"typ": "jwt"})
rs("aud is a list of one", "right", aud=[CLIENT])
rs("aud is a list, azp is ours", "right", aud=[CLIENT, "another"], azp=CLIENT)
rs("expired within the skew", "right", exp=NOW - 59)
rs("not before within the skew", "right", nbf=NOW + 60)
rs("an embedded jwk is not looked at", "right", {"jwk": rsa_jwk(RSA_OTHER)})
rs("jku is not looked at", "right", {"jku": "https://evil.example/jwks.json", "x5u": "https://evil.example/c.pem"})
rs("unknown claims are others", "right", groups=["a", {"b": [1]}], email_verified=True)

# Algorithms.
for name in ["none", "None", "nOnE", "NONE", "", "HS256", "RS1", "rs256", "ES256K", "RSA-OAEP", "RS256 "]:
    vector(f"alg {name!r} without a signature", assemble({"alg": name, "kid": "rsa"}, claims(), signature=lambda _: b""), "Algorithm")
    if name != "none":
        vector(f"alg {name!r} with RS256's signature", assemble({"alg": name, "kid": "rsa"}, claims()), "Algorithm")
vector("alg is missing", assemble({"kid": "rsa"}, claims()), "Malformed")
vector("alg is a list", assemble({"alg": ["RS256"], "kid": "rsa"}, claims()), "Malformed")
vector("alg is null", assemble({"alg": None, "kid": "rsa"}, claims()), "Malformed")
numbers = RSA.public_key()
secrets = {
    "PEM": numbers.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
    "PKCS#1 PEM": numbers.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1),
    "DER": numbers.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
    "JWK": json.dumps(rsa_jwk(RSA)).encode(),
}
for form, secret in secrets.items():
    mac = lambda message, secret=secret: hmac.digest(secret, message, hashlib.sha256)
    vector(f"HS256 with the public key as {form}", assemble({"alg": "HS256", "kid": "rsa"}, claims(), signature=mac), "Algorithm")
vector("HS256 with the set's symmetric key", assemble({"alg": "HS256", "kid": "oct"}, claims(), signature=lambda m: hmac.digest(b"secret" * 8, m, hashlib.sha256)), "Algorithm", "unfit")
vector("PS256's signature under RS256", assemble({"alg": "RS256", "kid": "rsa"}, claims(), signature=lambda m: sign("PS256", m)), "Signature")
vector("RS256's signature under PS256", assemble({"alg": "PS256", "kid": "rsa"}, claims(), signature=lambda m: sign("RS256", m)), "Signature")
vector("RS512's signature under RS256", assemble({"alg": "RS256", "kid": "rsa"}, claims(), signature=lambda m: sign("RS512", m)), "Signature")
vector("PSS with a salt of another length", assemble({"alg": "PS256", "kid": "rsa"}, claims(), signature=lambda m: RSA.sign(m, padding.PSS(padding.MGF1(hashes.SHA256()), 20), hashes.SHA256())), "Signature")
vector("RS256 with a P-256 key", assemble({"alg": "RS256", "kid": "ES256"}, claims()), "UnknownKey")
vector("ES256 with a P-384 key", assemble({"alg": "ES256", "kid": "ES384"}, claims(), "ES256"), "UnknownKey")
vector("EdDSA with an RSA key", assemble({"alg": "EdDSA", "kid": "rsa"}, claims(), "EdDSA"), "UnknownKey")
vector("an algorithm that was not agreed on", assemble({"alg": "ES256", "kid": "ES256"}, claims(), "ES256"), "Algorithm", algorithms=["RS256"])

# Signatures.
for alg in ("ES256", "ES384", "ES512"):
    size = CURVE[alg][1]
    vector(f"{alg}: r and s are zero", assemble({"alg": alg, "kid": alg}, claims(), signature=lambda m, size=size: bytes(2 * size)), "Signature")
    vector(f"{alg}: r is zero", assemble({"alg": alg, "kid": alg}, claims(), signature=lambda m, a=alg, size=size: bytes(size) + sign(a, m)[size:]), "Signature")
    vector(f"{alg}: DER in place of r and s", assemble({"alg": alg, "kid": alg}, claims(), signature=lambda m, a=alg: EC[a].sign(m, ec.ECDSA(HASH[a[2:]]))), "Signature")
order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
vector("ES256: r and s are the order", assemble({"alg": "ES256", "kid": "ES256"}, claims(), signature=lambda m: order.to_bytes(32, "big") * 2), "Signature")
vector("by another key under this kid", assemble({"alg": "RS256", "kid": "rsa"}, claims(), key=RSA_OTHER), "Signature")
vector("by the embedded jwk", assemble({"alg": "RS256", "kid": "rsa", "jwk": rsa_jwk(RSA_OTHER)}, claims(), key=RSA_OTHER), "Signature")
vector("no signature", assemble({"alg": "RS256", "kid": "rsa"}, claims(), signature=lambda m: b""), "Signature")
vector("a signature of one byte", assemble({"alg": "RS256", "kid": "rsa"}, claims(), signature=lambda m: b"\0"), "Signature")
good = assemble({"alg": "RS256", "kid": "rsa"}, claims())
head, body, signature = good.split(".")
other = assemble({"alg": "RS256", "kid": "rsa"}, claims(sub="mallory"))
vector("another token's claims", f"{head}.{other.split('.')[1]}.{signature}", "Signature")
flipped = bytearray(base64.urlsafe_b64decode(signature + "=="))
flipped[100] ^= 1
vector("one bit of the signature", f"{head}.{body}.{b64(bytes(flipped))}", "Signature")
vector("a zero byte behind the signature", f"{head}.{body}.{b64(base64.urlsafe_b64decode(signature + '==') + bytes(1))}", "Signature")

# Keys.
rs("an unknown kid", "UnknownKey", {"kid": "unknown"})
rs("kid leads to a file", "UnknownKey", {"kid": "../../../../dev/null"})
rs("kid is a query", "UnknownKey", {"kid": "rsa' OR '1'='1"})
rs("kid of 3 kB", "UnknownKey", {"kid": "k" * 3000})
rs("kid is another case", "UnknownKey", {"kid": "RSA"})
rs("kid is a number", "Malformed", {"kid": 1})
vector("no kid and several keys", assemble({"alg": "RS256"}, claims()), "AmbiguousKey")
rs("one kid for two keys", "AmbiguousKey", {"kid": "twice"}, "duplicate")
rs("no keys at all", "UnknownKey", {"kid": "rsa"}, "none")
rs("a key for encryption", "UnknownKey", {"kid": "encrypts"}, "unfit")
rs("a key that only signs", "UnknownKey", {"kid": "signs"}, "unfit")
rs("a key for another algorithm", "UnknownKey", {"kid": "ps"}, "unfit")
rs("a key whose exponent is even", "UnknownKey", {"kid": "even"}, "unfit")
vector("a key of 1024 bits", assemble({"alg": "RS256", "kid": "short"}, claims(), key=RSA_SHORT), "UnknownKey", "unfit")

# The form.
vector("empty", "", "Malformed")
vector("two parts", f"{head}.{body}", "Malformed")
vector("four parts", f"{good}.x", "Malformed")
vector("five parts, as of a JWE", f"{head}.{body}.{body}.{body}.{signature}", "Malformed")
vector("JSON serialisation", json.dumps({"protected": head, "payload": body, "signature": signature}), "Malformed")
vector("padding in the header", f"{head}=.{body}.{signature}", "Malformed")
vector("padding in the claims", f"{head}.{body}==.{signature}", "Malformed")
vector("padding in the signature", f"{head}.{body}.{signature}==", "Malformed")
vector("white space in front", f" {good}", "Malformed")
vector("a line feed behind", f"{good}\n", "Malformed")
vector("a line feed inside", f"{head}.{body[:20]}\n{body[20:]}.{signature}", "Malformed")
vector("base64 with + and /", f"{head}.{body}.{signature[:-4]}+/+/", "Malformed")
vector("bits that belong to no byte", f"{head}.{b64('{}')[:-1]}1.{signature}", "Malformed")
vector("the header is a list", assemble("[]", claims()), "Malformed")
vector("the header is no JSON", assemble("alg=RS256", claims()), "Malformed")
vector("the claims are a list", assemble({"alg": "RS256", "kid": "rsa"}, "[]"), "Malformed")
vector("the claims are no JSON", assemble({"alg": "RS256", "kid": "rsa"}, "alice"), "Malformed")
vector("JSON and more", assemble({"alg": "RS256", "kid": "rsa"}, json.dumps(claims()) + "{}"), "Malformed")
vector("the header says alg twice", assemble('{"alg":"none","kid":"rsa","alg":"RS256"}', claims()), "Repeated")
vector("the header says kid twice", assemble('{"alg":"RS256","kid":"other","kid":"rsa"}', claims()), "Repeated")
vector("a name twice, once escaped", assemble('{"alg":"RS256","kid":"rsa"}', json.dumps(claims())[:-1] + ',"s\\u0075b":"mallory"}'), "Repeated")
vector("claims say aud twice", assemble({"alg": "RS256", "kid": "rsa"}, json.dumps(claims())[:-1] + ',"aud":"another"}'), "Repeated")
vector("a name twice, deep inside", assemble({"alg": "RS256", "kid": "rsa"}, json.dumps(claims())[:-1] + ',"a":[{"b":1,"b":2}]}'), "Repeated")
vector("claims 10,000 deep", assemble({"alg": "RS256", "kid": "rsa"}, '{"a":' + "[" * 10_000 + "]" * 10_000 + "}"), "Malformed")
vector("100 kB of claims", assemble({"alg": "RS256", "kid": "rsa"}, claims(a="x" * 100_000)), "TooLong")
rs("a header of 5 kB", "TooLong", {"a": "x" * 5000})
rs("crit of something unknown", "Critical", {"crit": ["x"], "x": 1})
rs("crit of b64", "Critical", {"crit": ["b64"], "b64": False})
rs("b64 without crit", "Critical", {"b64": False})
rs("an empty crit", "Critical", {"crit": []})

# Other kinds of tokens.
rs("an access token", "Kind", {"typ": "at+jwt"})
rs("a logout token", "Kind", {"typ": "logout+jwt"})
rs("a security event by its claim", "Kind", events={"http://schemas.openid.net/event/backchannel-logout": {}})
ours = {"iss": "https://team.example", "aud": ["app-1"], "sub": "u", "iat": NOW - 10, "nbf": NOW - 10, "exp": NOW + 300}
mine = {"issuer": "https://team.example", "audience": "app-1", "profile": "application"}
rs("our own application token", "right", raw={**ours, "type": "app"}, more=mine)
rs("application A's token at application B", "Audience", raw={**ours, "type": "app", "aud": ["app-2"]}, more=mine)
rs("the global token at an application", "Kind", raw={**ours, "type": "org"}, more=mine)
rs("an id token at an application", "Kind", raw=ours, more=mine)
rs("an application's token as global", "Kind", raw={**ours, "type": "app"}, more={**mine, "profile": "global"})
rs("another organisation's token", "Issuer", raw={**ours, "type": "app", "iss": "https://other.example"}, more=mine)

# Claims.
for name in ("iss", "exp", "iat", "sub"):
    rs(f"without {name}", f"Missing({name})", **{name: None})
rs("without aud", "Audience", aud=None)
rs("an empty sub", "Missing(sub)", sub="")
rs("a sub of 300 characters", "Missing(sub)", sub="s" * 300)
rs("iss with a slash behind", "Issuer", iss=ISSUER + "/")
rs("iss in another case", "Issuer", iss="https://IDP.example")
rs("iss with a prefix of ours", "Issuer", iss=ISSUER + ".evil.example")
rs("iss is a list", "Malformed", iss=[ISSUER])
rs("aud is another", "Audience", aud="client-2")
rs("aud begins like ours", "Audience", aud="client-10")
rs("aud is a prefix of ours", "Audience", aud="client")
rs("aud is an empty list", "Audience", aud=[])
rs("aud is a number", "Malformed", aud=1)
rs("aud is an object", "Malformed", aud={CLIENT: True})
rs("aud has a number", "Malformed", aud=[CLIENT, 1])
rs("aud of 100", "Malformed", aud=[CLIENT] + [str(n) for n in range(100)], azp=CLIENT)
rs("several aud without azp", "AuthorizedParty", aud=[CLIENT, "another"])
rs("azp is another", "AuthorizedParty", azp="another")
rs("azp is a list", "AuthorizedParty", azp=[CLIENT])
rs("expired", "Expired", exp=NOW - 60)
rs("expired long ago", "Expired", exp=1)
rs("exp is negative", "Expired", exp=-1)
rs("not valid yet", "NotYetValid", nbf=NOW + 61)
rs("issued in the future", "IssuedInFuture", iat=NOW + 61)
rs("issued before 1970", "IssuedInFuture", iat=-1)
rs("exp is a text", "Malformed", exp=str(NOW + 300))
rs("exp is a fraction, as RFC 7519 allows", "right", exp=NOW + 300.5)
rs("exp is true", "Malformed", exp=True)
rs("exp is null", "Malformed", raw=json.dumps(claims()).replace(str(NOW + 300), "null"))
rs("exp is 1e400", "Malformed", raw=json.dumps(claims()).replace(str(NOW + 300), "1e400"))
rs("exp is NaN", "Malformed", raw=json.dumps(claims()).replace(str(NOW + 300), "NaN"))
rs("exp is beyond 64 bits", "Malformed", exp=2**64)
rs("iat is a text", "Malformed", iat=str(NOW))
rs("nbf is a text", "Malformed", nbf=str(NOW))
rs("everything is wrong at once: expiry is said last", "Issuer", iss="https://evil.example", exp=1)

lines = ",\n    ".join(json.dumps(one) for one in VECTORS)
sets = ",\n    ".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in SETS.items())
sys.stdout.write(f'{{\n  "now": {NOW}, "skew": 60, "issuer": "{ISSUER}", "audience": "{CLIENT}",\n  "keys": {{\n    {sets}\n  }},\n  "vectors": [\n    {lines}\n  ]\n}}\n')
