"""Tiny v2, as documented."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

from support.fakes.base import BRASILIA, Fake, Reply, cents


class Tiny(Fake):
    """Tiny v2: forms in, ``retorno`` out, HTTP 200 whatever happened, faults by numbers."""

    def ours(self, order: Mapping[str, Any]) -> str:
        return str(order["sent"]["numero_pedido_ecommerce"])

    def total(self, order: Mapping[str, Any]) -> Decimal:
        sent = order["sent"]
        rows = [item["item"] for item in sent["itens"]]
        goods = sum(
            (
                cents(Decimal(str(row["valor_unitario"])) * Decimal(str(row["quantidade"])))
                for row in rows
            ),
            Decimal(0),
        )
        return (
            goods
            + cents(sent["valor_frete"])
            + cents(sent["outras_despesas"])
            - cents(sent["valor_desconto"])
        )

    def is_new_order(self, path: str, body: str) -> bool:
        return path == "/pedido.incluir.php"

    @staticmethod
    def fault(code: int, text: str) -> Reply:
        return 200, {
            "retorno": {
                "status_processamento": 2,
                "status": "Erro",
                "codigo_erro": code,
                "erros": [{"erro": text}],
            }
        }

    @staticmethod
    def fine(**content: Any) -> Reply:
        return 200, {"retorno": {"status_processamento": 3, "status": "OK", **content}}

    def busy(self) -> Reply:
        return self.fault(6, "API Bloqueada - excedido o número de acessos por minuto")

    def spent(self) -> Reply:
        return self.fault(7, "Espaço da empresa esgotado")

    def unknown(self) -> Reply:
        return self.fault(2, "token invalido")

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: str) -> Reply:
        form = {name: row[0] for name, row in parse_qs(body).items()}
        if form.get("token") != "tiny-token":
            return self.unknown()
        calls = {
            "/pedidos.pesquisa.php": self.found,
            "/pedido.incluir.php": self.create,
            "/pedido.obter.php": self.shown,
            "/nota.fiscal.obter.php": self.nota,
            "/pedido.alterar.situacao": self.situation,
        }
        return calls[path](form)

    def found(self, form: Mapping[str, str]) -> Reply:
        keys = list(self.orders)
        if "numeroEcommerce" in form:
            # It finds what is contained, too.
            keys = [
                key for key in keys if form["numeroEcommerce"][-6:] in self.ours(self.orders[key])
            ]
        if "dataAtualizacao" in form:
            since = datetime.strptime(form["dataAtualizacao"], "%d/%m/%Y %H:%M:%S").replace(
                tzinfo=BRASILIA
            )
            keys = [key for key in keys if self.orders[key]["changed"] >= since]
        page, pages = int(form.get("pagina", 1)), -(-len(keys) // 100)
        if not keys:
            return self.fault(20, "A consulta não retornou registros")
        if page > pages:
            return self.fault(23, "A página que você está tentando obter não existe")
        rows = [
            {
                "pedido": {
                    "id": str(key),
                    "numero": key % 10_000,
                    "numero_ecommerce": self.ours(self.orders[key]),
                }
            }
            for key in keys[(page - 1) * 100 : page * 100]
        ]
        return self.fine(pagina=page, numero_paginas=pages, pedidos=rows)

    def create(self, form: Mapping[str, str]) -> Reply:
        sent = json.loads(form["pedido"])["pedido"]
        record: dict[str, Any] = {"sequencia": "1", "status": "Erro"}
        if any(
            value["sent"]["numero_pedido_ecommerce"] == sent["numero_pedido_ecommerce"]
            for value in self.orders.values()
        ):
            record |= {"codigo_erro": "30", "erros": [{"erro": "Registro em duplicidade"}]}
        elif any(item["item"]["codigo"] == "unknown" for item in sent["itens"]):
            record |= {
                "codigo_erro": "31",
                "erros": [{"erro": f"Produto de {sent['cliente']['nome']} inválido"}],
            }
        else:
            number = next(self.numbers)
            self.orders[number] = {
                "sent": sent,
                "changed": self.now(),
                "state": "aprovado",
                "parcel": "",
                "notas": [],
            }
            return self.fine(
                registros={
                    "registro": record | {"status": "OK", "id": number, "numero": number % 10_000}
                }
            )
        return 200, {
            "retorno": {
                "status_processamento": 2,
                "status": "Erro",
                "registros": [{"registro": record}],
            }
        }

    def shown(self, form: Mapping[str, str]) -> Reply:
        order = self.orders[int(form["id"])]
        return self.fine(
            pedido={
                "id": form["id"],
                "numero_ecommerce": self.ours(order),
                "situacao": order["state"],
                "codigo_rastreamento": order["parcel"],
                "url_rastreamento": "",
                "id_nota_fiscal": form["id"] if order["notas"] else "0",
                "total_pedido": str(self.total(order)),
            }
        )

    def nota(self, form: Mapping[str, str]) -> Reply:
        notas = self.orders[int(form["id"])]["notas"]
        return (
            self.fine(nota_fiscal=notas[-1]) if notas else self.fault(32, "Registro não localizado")
        )

    def situation(self, form: Mapping[str, str]) -> Reply:
        order = self.orders[int(form["id"])]
        if order["state"] == "Faturado":
            return self.fault(31, "O pedido não pode mudar de situação")
        order |= {"state": form["situacao"], "changed": self.now()}
        return self.fine()

    def invoice(
        self, number: int, nota: str, value: Decimal, skus: Sequence[str], at: datetime
    ) -> None:
        made = {
            "id": str(number),
            "numero": nota,
            "serie": "1",
            "chave_acesso": "",
            "situacao": "6",
            "data_emissao": f"{at.astimezone(BRASILIA):%d/%m/%Y}",
            "valor_nota": f"{value:.2f}",
            "itens": [
                {"item": {"codigo": sku, "quantidade": "1.00", "valor_unitario": "1.00"}}
                for sku in skus
            ],
        }
        self.change(number, at, notas=[made], state="Faturado")

    def track(self, number: int, parcel: str) -> None:
        self.change(number, parcel=parcel)

    def cancel(self, number: int) -> None:
        self.change(number, state="Cancelado")

    def is_canceled(self, number: int) -> bool:
        return self.orders[number]["state"] in ("Cancelado", "cancelado")

    def confirm(self, number: int) -> None:
        self.change(number, state="Faturado")
