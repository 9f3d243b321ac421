"""Omie, as documented."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from support.fakes.base import BRASILIA, Fake, Reply, cents


class Omie(Fake):
    """Omie: one path a subject, ``call`` and keys in the body, faults as ``faultstring``; our
    integration code is unique."""

    fault_status = 200

    def ours(self, order: Mapping[str, Any]) -> str:
        return str(order["sent"]["cabecalho"]["codigo_pedido_integracao"])

    def total(self, order: Mapping[str, Any]) -> Decimal:
        sent = order["sent"]
        rows = [row["produto"] for row in sent["det"]]
        goods = sum(
            (
                cents(Decimal(str(row["valor_unitario"])) * Decimal(str(row["quantidade"])))
                for row in rows
            ),
            Decimal(0),
        )
        return goods + cents(sent["frete"]["valor_frete"]) + cents(sent["frete"]["outras_despesas"])

    def is_new_order(self, path: str, body: str) -> bool:
        return '"IncluirPedido"' in body

    def fault(self, text: str, code: str = "SOAP-ENV:Client-102") -> Reply:
        return self.fault_status, {"faultstring": f"ERROR: {text}", "faultcode": code}

    def busy(self) -> Reply:
        return self.fault("Excedeu a cota de 240 requisições por minuto do método.")

    def spent(self) -> Reply:
        return self.fault("API bloqueada por consumo indevido. Cota excedida.")

    def unknown(self) -> Reply:
        return self.fault("A chave de acesso está inválida ou o aplicativo está suspenso!")

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: str) -> Reply:
        asked = json.loads(body)
        if (asked.get("app_key"), asked.get("app_secret")) != ("omie-key", "omie-secret"):
            return self.unknown()
        (given,) = asked["param"]
        reply: Reply = getattr(self, asked["call"])(given)
        return reply

    def ListarClientes(self, given: dict[str, Any]) -> Reply:  # noqa: N802 - Omie's name
        wanted = given["clientesFiltro"]["cnpj_cpf"]
        rows = [
            {"codigo_cliente_omie": key, "cnpj_cpf": punctuated(row["cnpj_cpf"])}
            for key, row in self.customers.items()
            if row.get("cnpj_cpf") == wanted
        ]
        if not rows:
            return self.fault("Não existem registros para a página [1]!", "SOAP-ENV:Client-5113")
        return 200, {"pagina": 1, "total_de_registros": len(rows), "clientes_cadastro": rows}

    def IncluirCliente(self, given: dict[str, Any]) -> Reply:  # noqa: N802
        code = given["codigo_cliente_integracao"]
        if any(value["codigo_cliente_integracao"] == code for value in self.customers.values()):
            return self.fault(f"Cliente já cadastrado para o Código de Integração [{code}] !")
        number = next(self.numbers)
        self.customers[number] = given
        return 200, {"codigo_cliente_omie": number, "codigo_status": "0"}

    def ConsultarPedido(self, given: dict[str, Any]) -> Reply:  # noqa: N802
        key = given.get("codigo_pedido")
        if key is None:
            wanted = given["codigo_pedido_integracao"]
            found = [value for value, order in self.orders.items() if self.ours(order) == wanted]
            if not found:
                return self.fault(f"Pedido não cadastrado para o Código de Integração [{wanted}] !")
            key = found[0]
        return 200, {"pedido_venda_produto": self.shown(key)}

    def IncluirPedido(self, given: dict[str, Any]) -> Reply:  # noqa: N802
        code = given["cabecalho"]["codigo_pedido_integracao"]
        if any(self.ours(value) == code for value in self.orders.values()):
            return self.fault(f"Pedido já cadastrado para o Código de Integração [{code}] !")
        for row in given["det"]:
            if row["produto"]["codigo_produto_integracao"] == "unknown":
                return self.fault("Produto não cadastrado para o Código de Integração [unknown] !")
        number = next(self.numbers)
        self.orders[number] = {
            "sent": given,
            "changed": self.now(),
            "nota": None,
            "parcel": "",
            "off": "N",
        }
        return 200, {
            "codigo_pedido": number,
            "codigo_pedido_integracao": code,
            "codigo_status": "0",
            "descricao_status": "Pedido cadastrado com sucesso!",
        }

    def CancelarPedidoVenda(self, given: dict[str, Any]) -> Reply:  # noqa: N802
        order = self.orders[given["nCodPed"]]
        if order.get("stage") == "60":
            return self.fault("O pedido já foi faturado e não pode ser cancelado.")
        order |= {"off": "S", "changed": self.now()}
        return 200, {"nCodPed": given["nCodPed"], "cCodStatus": "0"}

    def ListarPedidos(self, given: dict[str, Any]) -> Reply:  # noqa: N802
        text = f"{given['filtrar_por_data_de']} {given['filtrar_por_hora_de']}"
        since = datetime.strptime(text, "%d/%m/%Y %H:%M:%S").replace(tzinfo=BRASILIA)
        keys = [key for key, row in self.orders.items() if row["changed"] >= since]
        size, page = given["registros_por_pagina"], given["pagina"]
        shown = [self.shown(key) for key in keys[(page - 1) * size : page * size]]
        if not shown:
            return self.fault(
                f"Não existem registros para a página [{page}]!", "SOAP-ENV:Client-5113"
            )
        return 200, {"pagina": page, "total_de_registros": len(keys), "pedido_venda_produto": shown}

    def ConsultarNF(self, given: dict[str, Any]) -> Reply:  # noqa: N802
        nota = self.orders[given["nIdPedido"]]["nota"]
        if nota is None:
            return self.fault("NF não cadastrada para o Pedido!")
        return 200, nota

    def shown(self, number: int) -> dict[str, Any]:
        order = self.orders[number]
        head = order["sent"]["cabecalho"] | {
            "codigo_pedido": number,
            "etapa": order.get("stage", "10"),
        }
        return {
            "cabecalho": head,
            "det": order["sent"]["det"],
            "frete": order["sent"]["frete"] | {"codigo_rastreio": order["parcel"]},
            "infoCadastro": {"cancelado": order["off"], "faturado": "S" if order["nota"] else "N"},
            "total_pedido": {"valor_total_pedido": float(self.total(order))},
        }

    def invoice(
        self, number: int, nota: str, value: Decimal, skus: Sequence[str], at: datetime
    ) -> None:
        made = {
            "compl": {"cChaveNFe": "", "nIdNF": next(self.numbers), "nIdPedido": number},
            "ide": {
                "nNF": nota,
                "serie": "1",
                "dEmi": f"{at.astimezone(BRASILIA):%d/%m/%Y}",
                "dCan": "",
            },
            "total": {"ICMSTot": {"vNF": float(value)}},
            "det": [{"prod": {"cProd": sku, "qCom": 1, "vUnCom": 1.0}} for sku in skus],
        }
        self.change(number, at, nota=made, stage="60")

    def track(self, number: int, parcel: str) -> None:
        self.change(number, parcel=parcel)

    def cancel(self, number: int) -> None:
        self.change(number, off="S")

    def is_canceled(self, number: int) -> bool:
        return bool(self.orders[number]["off"] == "S")

    def confirm(self, number: int) -> None:
        self.change(number, stage="60")


def punctuated(document: str) -> str:
    """Return a CPF as Omie shows it, whatever it was given."""
    if len(document) != 11:
        return document
    return f"{document[:3]}.{document[3:6]}.{document[6:9]}-{document[9:]}"
