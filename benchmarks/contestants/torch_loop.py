"""A plain PyTorch loop over tensors in memory."""

import time

import fashion
import torch
from torch_models import accuracy, make, tensors

args = fashion.arguments()
x_train, y_train, x_test, y_test = fashion.load(args.data, args.examples)
x, y = tensors(x_train, y_train)
model, size, seconds = make(args.model), fashion.BATCH[args.model], []
optimizer, loss_of = torch.optim.Adam(model.parameters()), torch.nn.CrossEntropyLoss()
for _ in range(args.epochs):
    began = time.perf_counter()
    for rows in torch.randperm(len(y)).split(size):
        optimizer.zero_grad()
        loss_of(model(x[rows]), y[rows]).backward()
        optimizer.step()
    seconds.append(time.perf_counter() - began)
fashion.report(seconds, accuracy(model, *tensors(x_test, y_test)))
