namespace FunctionalBot.Domain

type A = A of int
