"""Bling v3, as documented."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

from support.fakes.base import BRASILIA, Fake, Reply, cents


class Bling(Fake):
    """Bling v3: OAuth2 whose refresh token is good for once, ``data`` in every answer, no unique
    numeroLoja."""

    CLIENT = base64.b64encode(b"bling-id:bling-secret").decode()

    def __init__(self) -> None:
        super().__init__()
        self.refresh, self.access, self.exchanges = "refresh-1", "", 0
        self.notas: dict[int, dict[str, Any]] = {}

    def ours(self, order: Mapping[str, Any]) -> str:
        return str(order["sent"]["numeroLoja"])

    def total(self, order: Mapping[str, Any]) -> Decimal:
        sent = order["sent"]
        goods = sum(
            (
                cents(Decimal(str(item["valor"])) * Decimal(str(item["quantidade"])))
                for item in sent["itens"]
            ),
            Decimal(0),
        )
        return (
            goods
            + cents(sent["transporte"]["frete"])
            + cents(sent["outrasDespesas"])
            - cents(sent["desconto"]["valor"])
        )

    def is_new_order(self, path: str, body: str) -> bool:
        return path == "/pedidos/vendas" and bool(body)

    def busy(self) -> Reply:
        return 429, self.error(
            "TOO_MANY_REQUESTS", "O limite de requisições por segundo foi atingido."
        )

    def spent(self) -> Reply:
        return 429, self.error("TOO_MANY_REQUESTS", "O limite de requisições por dia foi atingido.")

    def unknown(self) -> Reply:
        return 401, self.error("invalid_token", "The access token provided is invalid")

    @staticmethod
    def error(kind: str, text: str, *fields: str) -> dict[str, Any]:
        named = [{"code": 49, "msg": field, "element": "campo"} for field in fields]
        return {"error": {"type": kind, "message": text, "description": text, "fields": named}}

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: str) -> Reply:
        parts = urlsplit(path)
        if parts.path == "/oauth/token":
            return self.token(headers, parse_qs(body))
        if not self.access or headers["Authorization"] != f"Bearer {self.access}":
            return self.unknown()
        query = {name: row[0] for name, row in parse_qs(parts.query).items()}
        _, kind, *rest = parts.path.split("/")
        if kind == "contatos":
            return self.contacts(method, query, body)
        if kind == "nfe":
            return 200, {"data": self.notas[int(rest[0])]}
        if method == "POST":
            return self.create(json.loads(body))
        if len(rest) == 1:
            return 200, {"data": self.found(query)}
        if method == "PATCH":
            return self.situation(int(rest[1]), int(rest[3]))
        return 200, {"data": self.shown(int(rest[1]), whole=True)}

    def token(self, headers: Mapping[str, str], form: Mapping[str, list[str]]) -> Reply:
        if headers["Authorization"] != f"Basic {self.CLIENT}":
            return 401, {"error": {"type": "invalid_client"}}
        if form["refresh_token"] != [self.refresh]:
            return 400, {"error": {"type": "invalid_grant", "message": "Invalid refresh token"}}
        self.exchanges += 1
        self.refresh, self.access = f"refresh-{self.exchanges + 1}", f"access-{self.exchanges}"
        return 200, {
            "access_token": self.access,
            "expires_in": 21600,
            "token_type": "Bearer",
            "scope": "…",
            "refresh_token": self.refresh,
        }

    def contacts(self, method: str, query: Mapping[str, str], body: str) -> Reply:
        if method == "GET":
            wanted = query["numeroDocumento"]
            rows = [
                {"id": key, "nome": row["nome"], "numeroDocumento": row.get("numeroDocumento", "")}
                for key, row in self.customers.items()
                # It finds what begins alike, too.
                if str(row.get("numeroDocumento", "")).startswith(wanted[:3])
            ]
            return 200, {"data": rows}
        sent = json.loads(body)
        if any(
            sent.get("numeroDocumento") == value.get("numeroDocumento")
            for value in self.customers.values()
        ):
            return 400, self.error(
                "VALIDATION_ERROR", "Não foi possível salvar o contato", "O CPF já está cadastrado"
            )
        number = next(self.numbers)
        self.customers[number] = sent
        return 201, {"data": {"id": number}}

    def create(self, sent: dict[str, Any]) -> Reply:
        if sent["contato"]["id"] not in self.customers or not sent.get("itens"):
            return 400, self.error(
                "VALIDATION_ERROR",
                "Não foi possível salvar a venda",
                "O contato ou os itens não existem",
            )
        if any(item["codigo"] == "unknown" for item in sent["itens"]):
            words = f"O produto de {self.customers[sent['contato']['id']]['nome']}, 529.982.247-25, não existe"
            return 400, self.error("VALIDATION_ERROR", "Não foi possível salvar a venda", words)
        number = next(self.numbers)
        self.orders[number] = {
            "sent": sent,
            "situation": 6,
            "changed": self.now(),
            "nota": 0,
            "parcels": [],
        }
        return 201, {"data": {"id": number}}

    def situation(self, number: int, situation: int) -> Reply:
        if self.orders[number]["situation"] == 9:
            return 400, self.error("VALIDATION_ERROR", "A venda não pode mudar de situação")
        self.orders[number] |= {"situation": situation, "changed": self.now()}
        return 200, {}

    def found(self, query: Mapping[str, str]) -> list[dict[str, Any]]:
        keys = list(self.orders)
        if "numerosLojas[]" in query:
            keys = [
                key
                for key in keys
                if self.ours(self.orders[key]) == query["numerosLojas[]"]
                and str(self.orders[key]["sent"]["loja"]["id"]) == query["idLoja"]
            ]
        if "dataAlteracaoInicial" in query:
            since, until = (
                datetime.strptime(query[f"dataAlteracao{name}"], "%Y-%m-%d %H:%M:%S").replace(
                    tzinfo=BRASILIA
                )
                for name in ("Inicial", "Final")
            )
            keys = [key for key in keys if since <= self.orders[key]["changed"] <= until]
        size, page = int(query.get("limite", 100)), int(query.get("pagina", 1))
        return [self.shown(key) for key in keys[(page - 1) * size : page * size]]

    def shown(self, number: int, *, whole: bool = False) -> dict[str, Any]:
        order = self.orders[number]
        sent = order["sent"]
        made = {
            "id": number,
            "numero": number % 10_000,
            "numeroLoja": sent["numeroLoja"],
            "data": sent["data"],
            "total": float(self.total(order)),
            "contato": sent["contato"],
            "situacao": {"id": order["situation"], "valor": 1},
            "loja": sent["loja"],
        }
        if whole:
            made["notaFiscal"] = {"id": order["nota"]}
            made["transporte"] = {
                "frete": sent["transporte"]["frete"],
                "volumes": [
                    {"id": 1, "servico": "SEDEX", "codigoRastreamento": parcel}
                    for parcel in order["parcels"]
                ],
            }
        return made

    def invoice(
        self, number: int, nota: str, value: Decimal, skus: Sequence[str], at: datetime
    ) -> None:
        key = next(self.numbers)
        self.notas[key] = {
            "id": key,
            "tipo": 1,
            "situacao": 5,
            "numero": nota,
            "serie": 1,
            "dataEmissao": at.astimezone(BRASILIA).strftime("%Y-%m-%d %H:%M:%S"),
            "chaveAcesso": "",
            "valorNota": float(value),
            "linkDanfe": "https://bling.example/danfe",
            "itens": [{"codigo": sku, "quantidade": 1, "valor": 1.0} for sku in skus],
        }
        self.change(number, at, nota=key, situation=9)

    def track(self, number: int, parcel: str) -> None:
        self.change(number, parcels=[parcel])

    def cancel(self, number: int) -> None:
        self.change(number, situation=12)

    def is_canceled(self, number: int) -> bool:
        return bool(self.orders[number]["situation"] == 12)

    def confirm(self, number: int) -> None:
        self.change(number, situation=9)
